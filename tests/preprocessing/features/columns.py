"""One raw column to a fitted feature, and to its encoded values."""

from pathlib import Path
from typing import Any

import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.preprocessing import encode, fit
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.system.feature_spec import FeatureSpec

KEEP_RARE = DataConfig(min_category_count=1)


def fit_column(
    cells: object,
    kind: str,
    config: DataConfig = KEEP_RARE,
    separator: str | None = None,
    dtype: object = None,
    folder: Path = Path(),
) -> FeatureSpec:
    """The item feature `f` of the column `c`."""
    frame = pl.DataFrame({"c": pl.Series(cells, dtype=dtype)})  # type: ignore[arg-type]
    column = FeatureColumn("f", "c", kind, separator=separator)
    schema = Schema("u", "i", item_features=(column,))
    (spec,) = fit.fit_features(frame, pl.DataFrame(), schema, config, folder)
    return spec


def encode_column(
    cells: object, spec: FeatureSpec, cleaning: CleaningLog | None = None, folder: Path = Path()
) -> list[Any]:
    """The encoded values of a feature that is stored as a column."""
    frame = pl.DataFrame({"c": cells})
    table, _ = encode.encode_features(frame, [spec], folder, Path(), "item", cleaning=cleaning)
    return table["f"].to_list()


def encode_array(
    cells: object, spec: FeatureSpec, cleaning: CleaningLog | None = None
) -> FeatureArray:
    """The encoded values of a feature that is stored as an array."""
    frame = pl.DataFrame({"c": cells})
    _, arrays = encode.encode_features(frame, [spec], Path(), Path(), "item", cleaning=cleaning)
    return arrays["f"]
