"""Codes of the tokens that packing writes and the decoder reads."""

START = -1
"""Item of a token that is not an event: the start of a history, and padding."""
N_GAPS = 24
"""Buckets of the time since the previous event; 0 where it is unknown (`data.packing.gap_buckets`)."""
