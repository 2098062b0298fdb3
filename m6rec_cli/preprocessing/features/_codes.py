"""Values to codes by a vocabulary: shared by categories and sets."""

import polars as pl

from m6rec_cli.config.settings import DataConfig


def fit_vocabulary(values: pl.Series, config: DataConfig) -> list[str]:
    """Values with at least `data.min_category_count` rows, most frequent first, ties by value.

    The value at position i has code i + 1. Code 0 stands for rare and unknown values.
    """
    counts = values.drop_nulls().alias("value").to_frame().group_by("value").len()
    common = counts.filter(pl.col("len") >= config.min_category_count)
    return common.sort(["len", "value"], descending=[True, False])["value"].to_list()


def to_codes(values: pl.Series, vocabulary: list[str]) -> pl.Series:
    """Codes u32; null stays null."""
    if not vocabulary:
        return pl.select(pl.when(values.is_not_null()).then(pl.lit(0, pl.UInt32))).to_series()
    new = pl.Series(range(1, len(vocabulary) + 1), dtype=pl.UInt32)
    coded = values.replace_strict(pl.Series(vocabulary), new, default=0, return_dtype=pl.UInt32)
    return pl.select(pl.when(values.is_not_null()).then(coded)).to_series()
