"""The model over data, on one device or many."""
