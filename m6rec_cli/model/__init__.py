"""The network. Never imports the data layer."""
