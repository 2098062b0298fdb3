"""From scorers and lists to figures, slices, intervals and reports."""
