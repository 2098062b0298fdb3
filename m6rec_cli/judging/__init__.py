"""Floor 3: from scorers and lists to figures, slices, intervals and reports."""
