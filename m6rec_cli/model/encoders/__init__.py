"""Towers, one file per feature kind: encoded features to vectors of the model's width (4.1.1)."""
