"""Floor 2: reference recommenders without a model, one file each. Sparse arithmetic, never the data layer."""
