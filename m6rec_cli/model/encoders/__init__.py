"""MLP towers, one file a feature kind (article 4.1.1)."""
