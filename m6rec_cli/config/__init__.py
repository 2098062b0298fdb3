"""Every configuration key, and the layers of a configuration made one."""
