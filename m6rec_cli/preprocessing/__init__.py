"""Raw tables to a data directory."""
