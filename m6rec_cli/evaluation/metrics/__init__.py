"""Metrics as per-user arrays, one file each. Knows nothing of models."""
