"""Precomputed embeddings to centred vectors of one common scale."""

from typing import TypedDict, cast

import numpy as np
import polars as pl

from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.features._base import (
    ColumnSample,
    EncodeContext,
    FitContext,
    Fitted,
    Rule,
    Traits,
    rule_prefix,
    select,
)
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import FeatureSpec, StateValue

TRAITS = Traits(storage="array", compared_by="vectors")

_SAME_LENGTH = 0.9
"""Share of a column's vectors that must have the same length; the others are masked."""
_NUMBER = r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?"


class _State(TypedDict):
    mean: list[float]
    scale: float


def _infer_lists(sample: ColumnSample) -> list[FeatureColumn] | str | None:
    inner = getattr(sample.dtype, "inner", None)
    if inner is None or not inner.is_float():
        return None
    cells = sample.cells.arr.to_list() if isinstance(sample.dtype, pl.Array) else sample.cells
    lengths = cells.drop_nulls().list.len()
    lengths = lengths.filter(lengths > 0)  # an empty list is a missing one
    if not _have_one_length(lengths):
        return "lists of numbers of several lengths"
    return sample.feature("vector")


def _infer_strings(sample: ColumnSample) -> list[FeatureColumn] | None:
    known = sample.known
    shape = rf"^\s*[\[(]?\s*{_NUMBER}(?:[\s,;]+{_NUMBER}){{2,}}\s*[\])]?\s*$"
    if known.str.contains(shape).mean() != 1.0 or not known.str.contains(r"\.\d").any():
        return None
    return sample.feature("vector") if _have_one_length(known.str.count_matches(_NUMBER)) else None


RULES = (Rule(50, "list", _infer_lists), Rule(50, "string", _infer_strings))


def _have_one_length(lengths: pl.Series) -> bool:
    return lengths.value_counts(sort=True)[0, 1] >= _SAME_LENGTH * len(lengths)


def fit(cells: pl.Series, column: FeatureColumn, context: FitContext) -> Fitted:
    """Fit the length, the mean of each component, and one scale for all components.

    Raises:
        M6RecError: The vectors have several lengths.
    """
    encoder: dict[str, StateValue] = (
        {"encoder": column.encoder, "sha256": column.sha256} if column.encoder else {}
    )
    vectors = select(cells, cell_values.vector(cells.name, cells.dtype).alias("v")).drop_nulls()
    if not len(vectors):  # no training row has a vector: all rows are masked
        return Fitted(state={"mean": [0.0], "scale": 1.0, **encoder})
    lengths = vectors.list.len()
    if not _have_one_length(lengths):
        found = ", ".join(map(str, lengths.unique().sort().head(4)))
        raise M6RecError(
            f"the vectors of column `{column.column}` have different lengths (found: {found})",
            hint="repair the column, or take it out of the schema",
        )
    size = int(lengths.value_counts(sort=True)[0, 0])
    matrix = vectors.filter(lengths == size).cast(pl.Array(pl.Float32, size)).to_numpy()
    matrix = matrix[np.isfinite(matrix).all(axis=1)]
    mean = matrix.mean(axis=0, dtype=np.float64) if len(matrix) else np.zeros(size)
    # One scale for all components: their proportions carry meaning.
    scale = float(np.sqrt(np.mean((matrix - mean) ** 2))) if len(matrix) else 1.0
    state: dict[str, StateValue] = {
        "mean": [round(float(m), 7) for m in mean],
        "scale": scale if scale > 1e-12 else 1.0,
    }
    return Fitted(size=size, state=state | encoder)


def encode(cells: pl.Series, spec: FeatureSpec, context: EncodeContext) -> FeatureArray:
    """Vectors f32 (n, size); missing, of another length, or not finite: masked and 0."""
    state = cast(_State, spec.state)
    lists = select(cells, cell_values.vector(cells.name, cells.dtype))
    fits = (lists.list.len() == spec.size).fill_null(False)
    values = np.zeros((len(cells), spec.size), np.float32)
    mask = fits.to_numpy().copy()
    if mask.any():
        values[mask] = lists.filter(fits).cast(pl.Array(pl.Float32, spec.size)).to_numpy()
    mask &= np.isfinite(values).all(axis=1)
    values = (values - np.asarray(state["mean"], np.float32)) / np.float32(state["scale"])
    values[~mask] = 0
    what = f"{rule_prefix(spec)} missing or of another length, masked"
    context.cleaning.count_changed(what, int((~mask).sum()))
    return FeatureArray(values, mask)
