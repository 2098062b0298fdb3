"""Losses, the update step and the one training loop."""
