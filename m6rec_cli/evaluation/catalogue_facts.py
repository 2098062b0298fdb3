"""An evaluation task to the item data of list metrics: popularity, content vectors and groups."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from m6rec_cli.data.spans import range_positions
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation.metrics._base import (
    CatalogueFacts,
    scale_rows_to_length_1,
    scale_rows_to_sum_1,
)
from m6rec_cli.evaluation.slices import BANDS, popularity_band
from m6rec_cli.evaluation.task import EvaluationTask
from m6rec_cli.system.feature_spec import FeatureSpec

MAX_GROUPS = 200


@dataclass(frozen=True)
class MeasuredOver:
    """The item data that diversity and calibration use, in words for the report."""

    diversity: str
    calibration: str


def build_catalogue_facts(task: EvaluationTask) -> tuple[CatalogueFacts, MeasuredOver]:
    """Item data and histories for list metrics.

    Diversity compares items by the codes of their categorical and set features, without code 0,
    which all rare and unknown values share. Without such features it compares their vector
    features, and without these their users. Calibration counts the members of the first set
    feature, or else of the first categorical feature, with at most 200 codes (code 0 included);
    without such a feature it counts popularity bands.
    """
    data, n = task.data, task.n_items
    popularity = data.items["popularity"].to_numpy().astype(np.int64)
    # With `--like`, a feature may have no known value in this catalogue: it is left out.
    coded = [
        s
        for s in data.specs
        if s.entity == "item" and s.compared_by == "values" and feature_codes(data, s)[:, 1:].nnz
    ]
    blocks, diversity = _content_blocks(task, coded)
    vectors = scale_rows_to_length_1(
        sparse.csr_array(sparse.hstack([scale_rows_to_length_1(b) for b in blocks], format="csr"))
    )
    grouping = [s for s in coded if 2 <= s.size <= MAX_GROUPS]
    grouping.sort(key=lambda s: s.storage != "codes")
    if grouping:
        groups = scale_rows_to_sum_1(feature_codes(data, grouping[0]))
    else:
        band = popularity_band(popularity)
        groups = sparse.csr_array((np.ones(n), (np.arange(n), band)), (n, len(BANDS)))
    calibration = grouping[0].name if grouping else "popularity bands"
    return (
        CatalogueFacts.with_histories(popularity, vectors, groups, *_new_events(task)),
        MeasuredOver(diversity, calibration),
    )


def _new_events(task: EvaluationTask) -> tuple[sparse.csr_array, np.ndarray]:
    """Events of each history with each item that the query before does not know, and `continues`.

    Under the protocol `rolling` the histories of a user grow from query to query.
    """
    queries = task.queries
    continues = np.zeros(len(queries), bool)
    continues[1:] = queries.user_row[1:] == queries.user_row[:-1]
    start = np.where(continues, np.roll(queries.stop, 1), queries.start)
    owner, position = range_positions(start, queries.stop)
    offsets = np.searchsorted(owner, np.arange(len(queries) + 1))
    items = queries.events.item_row[position].astype(np.int64)
    parts = (np.ones(len(items)), items, offsets)
    counts = sparse.csr_array(parts, (len(queries), task.n_items))
    counts.sum_duplicates()
    return counts, continues


def _content_blocks(
    task: EvaluationTask, coded: list[FeatureSpec]
) -> tuple[list[sparse.csr_array], str]:
    """Item vectors that diversity compares, one block per feature, and their description."""
    data = task.data
    if coded:
        blocks = [feature_codes(data, s)[:, 1:] for s in coded]
        return blocks, ", ".join(s.name for s in coded)
    dense = [s for s in data.specs if s.entity == "item" and s.compared_by == "vectors"]
    if dense:
        features = [data.feature(s) for s in dense]
        blocks = [sparse.csr_array(np.where(f.mask[:, None], f.values, 0)) for f in features]
        return blocks, ", ".join(s.name for s in dense)
    users = sparse.csr_array(task.known.matrix(task.n_items, dtype=np.float64).T)
    return [users], "users in common"


def feature_codes(data: Dataset, spec: FeatureSpec) -> sparse.csr_array:
    """1 where the item has the code, (n_items, size) of a categorical or set feature."""
    feature = data.feature(spec)
    values = feature.values.reshape(data.n_items, -1)
    item, column = np.nonzero((values >= 0) & feature.mask[:, None])
    codes = sparse.csr_array(
        (np.ones(len(item)), (item, values[item, column])), (data.n_items, spec.size)
    )
    codes.sum_duplicates()
    codes.data[:] = 1
    return codes
