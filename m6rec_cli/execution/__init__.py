"""The model applied to data, on one device or many."""
