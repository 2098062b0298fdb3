"""Training rows to fitted features: statistics of numbers, vocabularies of codes, shapes of the rest.

Nothing here may see a row without training events: what is held out must not shape the scale it is judged on.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from tokenizers import Tokenizer

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing import bpe_tokenizer
from m6rec_cli.preprocessing.columns import cell_values, kinds
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity, FeatureSpec


def fit(
    frame: pl.DataFrame,
    columns: Sequence[FeatureColumn],
    entity: Entity,
    config: DataConfig,
    tokenizer: Tokenizer | None,
) -> tuple[FeatureSpec, ...]:
    """Fit every feature on `frame`, which holds the training rows of one entity.

    Args:
        frame: Raw columns.
        columns: What to read as what.
        tokenizer: For text features, trained before on the texts of all of them.
    """
    return tuple(_fit_one(frame, column, entity, config, tokenizer) for column in columns)


def texts(frame: pl.DataFrame, columns: Sequence[FeatureColumn]) -> list[str]:
    """All known texts of the text features, for the tokenizer."""
    names = [cell_values.raw_column(c.column) for c in columns if c.kind == "text"]
    return [
        t
        for name in names
        for t in frame.select(cell_values.text(name, frame.schema[name])).to_series().drop_nulls()
    ]


def _fit_one(
    frame: pl.DataFrame,
    column: FeatureColumn,
    entity: Entity,
    config: DataConfig,
    tokenizer: Tokenizer | None,
) -> FeatureSpec:
    name = cell_values.source(column)
    dtype = frame.schema[name]
    state: dict[str, Any] = {"column": column.column}
    size, length = 1, 1
    match column.kind:
        case "numeric":
            state |= numeric(
                frame.select(cell_values.number(name, dtype)).to_series(), config.outlier_mads
            )
        case "categorical":
            codes = frame.select(cell_values.category(name, dtype, frame[name]).alias("v"))["v"]
            state["vocabulary"] = _vocabulary(codes, config)
            size = 1 + len(state["vocabulary"])
        case "set":
            lists = frame.select(
                cell_values.members(name, dtype, column.separator).list.unique().alias("v")
            )["v"]
            state |= {
                "separator": column.separator,
                "vocabulary": _vocabulary(
                    lists.drop_nulls().explode(empty_as_null=False, keep_nulls=False), config
                ),
            }
            size = 1 + len(state["vocabulary"])
            longest = lists.list.len().max()
            length = max(1, min(config.set_length, longest if isinstance(longest, int) else 1))
        case "text":
            assert tokenizer is not None
            known = frame.select(cell_values.text(name, dtype).alias("v"))["v"].to_list()
            lengths = [
                len(c) for c in bpe_tokenizer.codes(tokenizer, known, config.text_length) if c
            ]
            size, length = tokenizer.get_vocab_size(), max(lengths, default=1)
            state["tokenizer"] = bpe_tokenizer.FILE
        case "image":
            size = config.image_size
        case "audio":
            size, length = config.audio_mels, config.audio_frames
            state["seconds"] = config.audio_seconds
        case "video":
            size, length = config.image_size, config.video_frames
        case "vector":
            vectors = frame.select(cell_values.vector(name, dtype).alias("v"))["v"].drop_nulls()
            size, more = _vector(vectors, column)
            state |= more
            if column.encoder:
                state |= {"encoder": column.encoder, "sha256": column.sha256}
    return FeatureSpec(column.name, entity, column.kind, size, length, state)


def numeric(series: pl.Series, mads: float) -> dict[str, Any]:
    """Scale, bounds and statistics of a number: `log1p`, then clipped to `low..high`, then standardised.

    Whether the upper tail is heavy is told from quantiles, so that a few absurd values do not decide it.
    """
    known = series.drop_nulls().to_numpy().astype(np.float64)
    if not len(known):
        return {"log1p": False, "low": None, "high": None, "mean": 0.0, "scale": 1.0}
    log1p = bool(known.min() >= 0) and _tail(known) > 0.35 and _tail(np.log1p(known)) < _tail(known)
    if log1p:
        known = np.log1p(known)
    low, high = _bounds(known, mads) if mads else (None, None)
    known = np.clip(known, -np.inf if low is None else low, np.inf if high is None else high)
    scale = float(known.std())
    return {
        "log1p": log1p,
        "low": low,
        "high": high,
        "mean": float(known.mean()),
        "scale": scale if scale > 1e-12 and math.isfinite(scale) else 1.0,
    }


def _bounds(known: np.ndarray, mads: float) -> tuple[float | None, float | None]:
    """`mads` median absolute deviations to each side of the median; None for a side without values.

    A side that reaches further has a wider deviation, told from the distance of its 5% quantile, which is
    2.44 MADs in a normal distribution: years reach far back and end today, and no year is an outlier. Where all these are 0,
    as in a count that is 0 for nearly all, the values beyond the median alone tell how far a side reaches.
    """
    low, centre, high = np.quantile(known, [0.05, 0.5, 0.95])
    mad = float(np.median(np.abs(known - centre)))
    below = max(mad, (centre - low) / 2.44) or _middle(centre - known[known < centre])
    above = max(mad, (high - centre) / 2.44) or _middle(known[known > centre] - centre)
    return (
        float(centre - mads * below) if below > 0 else None,
        float(centre + mads * above) if above > 0 else None,
    )


def _middle(distances: np.ndarray) -> float:
    return float(np.median(distances)) if len(distances) else 0.0


def _tail(known: np.ndarray) -> float:
    """Skewness from quantiles in -1..1: how much further the upper 5% lie from the median than the lower."""
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
    return float(((high - middle) - (middle - low)) / (high - low)) if high > low else 0.0


def _vocabulary(series: pl.Series, config: DataConfig) -> list[str]:
    """Values that are common enough, the most common first, ties by name; their codes start at 1."""
    counts = series.drop_nulls().alias("value").to_frame().group_by("value").len()
    common = counts.filter(pl.col("len") >= config.min_category_count)
    return common.sort(["len", "value"], descending=[True, False])["value"].to_list()


def _vector(vectors: pl.Series, column: FeatureColumn) -> tuple[int, dict[str, Any]]:
    if not len(vectors):  # no training row has one: nothing is known of it, and all are masked
        return 1, {"mean": [0.0], "scale": 1.0}
    lengths = vectors.list.len()
    if not kinds.of_one_length(lengths):
        found = ", ".join(map(str, lengths.unique().sort().head(4)))
        raise M6RecError(
            f"the vectors of column `{column.column}` do not have one length (found: {found})",
            hint="mend the column, or take it out of the schema",
        )
    # A few of another length are masked and counted when they are encoded.
    size = int(lengths.value_counts(sort=True)[0, 0])
    matrix = vectors.filter(lengths == size).cast(pl.Array(pl.Float32, size)).to_numpy()
    matrix = matrix[np.isfinite(matrix).all(axis=1)]
    mean = matrix.mean(axis=0, dtype=np.float64) if len(matrix) else np.zeros(size)
    # One scale for all components: their proportions carry meaning.
    scale = float(np.sqrt(np.mean((matrix - mean) ** 2))) if len(matrix) else 1.0
    return size, {
        "mean": [round(float(m), 7) for m in mean],
        "scale": scale if scale > 1e-12 else 1.0,
    }
