"""Token ids of texts to vectors: an embedding bag with an MLP."""

from m6rec_cli.model.encoders._bag import Bag


class Tower(Bag):
    """`values` i32 (r, length) token ids, padded with -1, to (r, d)."""
