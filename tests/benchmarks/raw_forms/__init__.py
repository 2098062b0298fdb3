"""Public data sets in their published raw forms, small, with made-up values."""
