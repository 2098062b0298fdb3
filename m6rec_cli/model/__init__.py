"""Floor 2: the network. Never imports the data layer."""
