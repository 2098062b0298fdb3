"""A data directory to what its items are made of: how often each item has each token, member or category."""

import numpy as np
from scipy import sparse

from m6rec_cli.data.store import Dataset
from m6rec_cli.errors import M6RecError

_KINDS = ("text", "set", "categorical")


def terms(data: Dataset) -> list[sparse.csr_array]:
    """Counts (n_items, terms) of each text, set and categorical feature of the items.

    Code 0 of sets and categories stands for all that is rare or unknown: sharing it says nothing, so it is left out.

    Raises:
        M6RecError: The items have no such feature.
    """
    specs = [s for s in data.specs if s.entity == "item" and s.kind in _KINDS]
    if not specs:
        raise M6RecError(
            "`contentknn` compares items by text, sets and categories, and the data have none of them",
            where=str(data.path / "items.parquet"), hint="leave `contentknn` out of `--baselines`",
        )  # fmt: skip
    blocks = []
    for spec in specs:
        feature = data.feature(spec)
        codes = feature.values.reshape(data.n_items, -1)
        first = 0 if spec.kind == "text" else 1
        item, place = np.nonzero((codes >= first) & feature.mask[:, None])
        counts = sparse.csr_array(
            (np.ones(len(item), np.float32), (item, codes[item, place])), (data.n_items, spec.size)
        )
        counts.sum_duplicates()
        blocks.append(counts)
    return blocks
