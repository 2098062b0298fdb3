"""Table formats: the name of a file is the name of the format that it reads."""
