"""Constants of tokens that packing writes and the model reads."""

START = -1
"""Item of a token without an event: the start of a history, and padding."""
N_GAPS = 24
"""Buckets of the time since the previous event (`data.packing.gap_buckets`); 0 is unknown."""
