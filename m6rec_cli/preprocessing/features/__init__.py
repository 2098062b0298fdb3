"""Feature kinds, one file each: infer from a column, fit on training rows, encode for a tower."""
