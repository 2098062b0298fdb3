"""Constants of tokens that packing writes and the model reads."""

START = -1
"""Item of a token without an event: the start of a history, and padding."""
START_LONG = -2
"""Item of the start of a history that is asked for the long run (`model.long_horizon`)."""
N_GAPS = 24
"""Buckets of the time since the previous event (`data.packing.gap_buckets`); 0 is unknown."""
