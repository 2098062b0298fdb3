"""Places that tables are copied from before they are read; one file for each."""
