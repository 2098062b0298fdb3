"""An evaluation to its summary, its plots and one HTML page."""
