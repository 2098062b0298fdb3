"""Generators of candidate embeddings, one file each (article 4.1.3)."""
