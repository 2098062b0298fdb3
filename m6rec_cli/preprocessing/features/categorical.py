"""Categories to codes by a vocabulary; rare and unknown categories share code 0."""

from typing import TypedDict, cast

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.features._base import (
    ColumnSample,
    EncodeContext,
    FitContext,
    Fitted,
    Rule,
    Traits,
    count_missing,
    select,
)
from m6rec_cli.preprocessing.features._codes import fit_vocabulary, to_codes
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.feature_spec import FeatureSpec

TRAITS = Traits(storage="code", compared_by="values")


class _State(TypedDict):
    vocabulary: list[str]


def _infer(sample: ColumnSample) -> list[FeatureColumn]:
    return sample.feature("categorical")


RULES = (Rule(90, "number", _infer), Rule(90, "string", _infer))


def fit(cells: pl.Series, column: FeatureColumn, context: FitContext) -> Fitted:
    """Fit the vocabulary."""
    values = select(cells, cell_values.category(cells.name, cells.dtype, cells).alias("v"))
    vocabulary = fit_vocabulary(values, context.config)
    return Fitted(size=1 + len(vocabulary), state={"vocabulary": vocabulary})


def encode(cells: pl.Series, spec: FeatureSpec, context: EncodeContext) -> pl.Series:
    """Codes u32; null for missing cells."""
    vocabulary = cast(_State, spec.state)["vocabulary"]
    text = cell_values.text(cells.name, cells.dtype)
    # A float column writes `17.0` for the category `17`. The vocabulary decides whether the point
    # belongs to the category, since these rows may be others than the fitted ones.
    has_points = any(word.endswith(".0") for word in vocabulary)
    values = select(cells, text if has_points else cell_values.strip_decimal_zero(text))
    encoded = to_codes(values, vocabulary)
    count_missing(encoded, spec, context)
    return encoded
