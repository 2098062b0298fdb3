"""Cleaning rules: what is dropped or changed before encoding, with counts and examples."""
