"""The data directory: its format, manifest and tables, several domains as one, and packed rows."""
