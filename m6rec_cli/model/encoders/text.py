"""Texts as byte-level BPE tokens to vectors: embedding bag, MLP."""

from m6rec_cli.model.encoders._bag import Bag


class Tower(Bag):
    """`values` i32 (r, length) token ids, -1 beyond the end, to (r, d)."""
