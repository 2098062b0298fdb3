"""Reference recommenders without a model, one file each. Sparse arithmetic, never the data layer."""
