"""Rules that drop or mend rows, each counted."""
