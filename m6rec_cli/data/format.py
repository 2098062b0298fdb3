"""Codes and reserved names of a data directory."""

TRAIN, VALID, TEST, COLD = 0, 1, 2, 3
SPLITS = ("train", "valid", "test", "cold")
"""`cold` holds the events of items and users that are kept out of training and fitting."""
RESERVED = ("row", "id", "display", "popularity")
"""Columns of `items.parquet` and `users.parquet` that are not features."""
