"""A task to what list metrics know of its items: popularity, vectors for diversity, groups for calibration."""

import numpy as np
from scipy import sparse

from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation.metrics._base import Catalogue, share_rows, unit_rows
from m6rec_cli.evaluation.slices import popularity_band
from m6rec_cli.evaluation.task import EvaluationTask

MOST_GROUPS = 200


def build(task: EvaluationTask) -> tuple[Catalogue, dict[str, str]]:
    """The catalogue, and a word on what diversity and calibration are measured over.

    Diversity compares items by the codes of their categorical and set features, but for the code 0 that rare and unknown
    values share, since these are not alike; without these by their vector features; without these by the users who met them.
    Calibration counts the members of the first set feature, or else the first categorical one, with at most 200 codes (the code
    0 is one of them); without one the popularity bands.
    """
    data, n = task.data, task.n_items
    popularity = data.items["popularity"].to_numpy().astype(np.int64)
    item_specs = [s for s in data.specs if s.entity == "item"]
    # A feature of the fitted state (`--like`) may have no known value in this catalogue: nothing is measured over it.
    coded = [
        s for s in item_specs if s.kind in ("categorical", "set") and codes(data, s.name)[:, 1:].nnz
    ]
    dense = [s for s in item_specs if s.kind == "vector"]
    if coded:
        blocks = [codes(data, s.name)[:, 1:] for s in coded]
        over = ", ".join(s.name for s in coded)
    elif dense:
        features = [data.feature(s) for s in dense]
        blocks = [sparse.csr_array(np.where(f.mask[:, None], f.values, 0)) for f in features]
        over = ", ".join(s.name for s in dense)
    else:
        blocks = [sparse.csr_array(task.history.matrix(n, dtype=np.float64).T)]
        over = "users in common"
    vectors = unit_rows(
        sparse.csr_array(sparse.hstack([unit_rows(b) for b in blocks], format="csr"))
    )
    few = [s for s in coded if 2 <= s.size <= MOST_GROUPS]
    few.sort(key=lambda s: s.kind != "set")
    if few:
        groups = share_rows(codes(data, few[0].name))
    else:
        band = popularity_band(popularity)
        groups = sparse.csr_array((np.ones(n), (np.arange(n), band)), (n, 4))
    history = task.history
    counts = sparse.csr_array(
        (np.ones(len(history.item_row)), history.item_row.astype(np.int64), history.offsets),
        (data.n_users, n),
    )[task.users]
    counts.sum_duplicates()
    words = {"diversity": over, "calibration": few[0].name if few else "popularity bands"}
    return Catalogue(popularity, vectors, groups, sparse.csr_array(counts)), words


def codes(data: Dataset, name: str) -> sparse.csr_array:
    """1 where the item has the code, (n_items, size) of a categorical or set feature."""
    spec = next(s for s in data.specs if s.entity == "item" and s.name == name)
    feature = data.feature(spec)
    values = feature.values.reshape(data.n_items, -1)
    item, place = np.nonzero((values >= 0) & feature.mask[:, None])
    found = sparse.csr_array(
        (np.ones(len(item)), (item, values[item, place])), (data.n_items, spec.size)
    )
    found.sum_duplicates()
    found.data[:] = 1
    return found
