"""Readers, cleaning, encoding, splits and the data directory. Knows nothing of models."""
