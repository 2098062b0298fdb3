"""What an output is, how it was made and whether it is whole, from its own files."""
