"""Baseline recommenders without a trained model, one file each: sparse arithmetic on the events."""
