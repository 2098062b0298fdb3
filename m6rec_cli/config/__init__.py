"""All configuration keys, and the layers that set them."""
