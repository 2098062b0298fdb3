"""Raw columns to encoded features, with a state that was fitted before.

What the state does not know: a category or set member outside the vocabulary gets code 0, which rare ones
share; a number beyond the bounds is clipped to them; a text is always covered, since the tokens are bytes; a
vector of another length and a picture, sound or video that cannot be decoded are missing. Missing cells are null or masked.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl

from m6rec_cli.data.store import FeatureArray, media_stem
from m6rec_cli.preprocessing import bpe_tokenizer
from m6rec_cli.preprocessing.cleaning.rules import Cleaning
from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.media import decoding
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.feature_spec import MEDIA, Entity, FeatureSpec
from m6rec_cli.system.progress import Reporter, SilentReporter


def encode(
    frame: pl.DataFrame,
    specs: Sequence[FeatureSpec],
    features_dir: Path,
    media_root: Path,
    entity: Entity,
    *,
    media_out: Path | None = None,
    cleaning: Cleaning | None = None,
    report: Reporter | None = None,
) -> tuple[pl.DataFrame, dict[str, FeatureArray]]:
    """Encode the rows of an entity.

    Args:
        frame: Raw columns as `catalogue.read` and `frozen.embed` give them; a column that is not there is missing in every row.
        specs: Fitted features; those of the other entity are passed over.
        features_dir: Where `tokenizer.json` lies.
        media_root: The folder that media cells are relative to.
        entity: `item` or `user`.
        media_out: Where to write `.npy` files of media and vectors; None keeps them in memory.
        cleaning: Where clipped, masked and undecodable cells are counted.

    Returns:
        A frame with one column a numeric, categorical, set or text feature (as `data/store.py` defines them), and
        the arrays of the media and vectors by feature name, aligned to the rows.

    Raises:
        M6RecError: A feature needs an extra that is not installed.
    """
    cleaning, report = cleaning or Cleaning(), report or cast(Reporter, SilentReporter())
    columns: list[pl.Series] = []
    arrays: dict[str, FeatureArray] = {}
    for spec in specs:
        if spec.entity != entity:
            continue
        name = cell_values.source(FeatureColumn.of(spec))
        series = (
            frame[name]
            if name in frame.columns
            else pl.Series(name, [None] * len(frame), pl.String)
        )
        if spec.kind == "vector" or spec.kind in MEDIA:
            out = media_out / f"{media_stem(entity, spec.name)}.npy" if media_out else None
            arrays[spec.name] = (
                _vectors(series, spec, out, cleaning)
                if spec.kind == "vector"
                else _media(series, spec, media_root, out, cleaning, report)
            )
            if media_out:
                np.save(
                    media_out / f"{media_stem(entity, spec.name)}.mask.npy", arrays[spec.name].mask
                )
        else:
            columns.append(_column(series, spec, features_dir, cleaning).alias(spec.name))
    table = pl.DataFrame(columns) if columns else pl.DataFrame({"n": range(len(frame))}).select([])
    return table, arrays


def _column(
    series: pl.Series, spec: FeatureSpec, features_dir: Path, cleaning: Cleaning
) -> pl.Series:
    frame, name, state = series.to_frame(), series.name, spec.state
    what = f"{spec.entity}s: `{spec.name}`"
    match spec.kind:
        case "numeric":
            parsed = frame.select(
                cell_values.number(name, series.dtype).alias("v"),
                cell_values.text(name, series.dtype).alias("t"),
            )
            unreadable = parsed.filter(
                pl.col("v").is_null() & ~pl.col("t").is_in(cell_values.NO_WORD)
            )["t"]
            result, clipped = _standardise(parsed["v"], spec)
            _masked(cleaning, what, result)
            cleaning.changed(
                f"{what} not a number, masked", len(unreadable), unreadable.head(3).to_list()
            )
            shown = parsed["t"].filter(clipped).head(3).to_list()
            cleaning.changed(f"{what} outliers clipped", int(clipped.sum()), shown)
        case "categorical":
            result = _codes(
                frame.select(_spelt(cell_values.text(name, series.dtype), spec)).to_series(), spec
            )
            _masked(cleaning, what, result)
        case "set":
            result = _sets(
                frame.select(
                    cell_values.members(name, series.dtype, state["separator"])
                ).to_series(),
                spec,
            )
            _masked(cleaning, what, result)
        case _:
            known = frame.select(cell_values.text(name, series.dtype)).to_series().to_list()
            codes = bpe_tokenizer.codes(bpe_tokenizer.load(features_dir), known, spec.length)
            result = pl.Series(codes, dtype=pl.List(pl.UInt32))
            _masked(cleaning, what, result)
    return result


def _masked(cleaning: Cleaning, what: str, result: pl.Series) -> None:
    cleaning.changed(f"{what} missing, masked", result.null_count())


def _standardise(numbers: pl.Series, spec: FeatureSpec) -> tuple[pl.Series, pl.Series]:
    state = spec.state
    if state["log1p"]:
        numbers = numbers.clip(lower_bound=0.0).log1p()
    low, high = (
        math.inf * sign if state[side] is None else state[side]
        for side, sign in (("low", -1), ("high", 1))
    )
    clipped = ((numbers < low) | (numbers > high)).fill_null(False)
    numbers = numbers.clip(low, high)
    return ((numbers - state["mean"]) / state["scale"]).cast(pl.Float32), clipped


def _spelt(cells: pl.Expr, spec: FeatureSpec) -> pl.Expr:
    """Categories as the vocabulary writes them: `17.0`, of a float column, is its `17` if it has nothing that ends in `.0`.

    The vocabulary decides and not these cells, which may be other rows than those that were fitted on.
    """
    has_points = any(word.endswith(".0") for word in spec.state["vocabulary"])
    return cells if has_points else cell_values.without_point(cells)


def _codes(series: pl.Series, spec: FeatureSpec) -> pl.Series:
    vocabulary = spec.state["vocabulary"]
    if not vocabulary:
        return pl.select(pl.when(series.is_not_null()).then(pl.lit(0, pl.UInt32))).to_series()
    new = pl.Series(range(1, len(vocabulary) + 1), dtype=pl.UInt32)
    coded = series.replace_strict(pl.Series(vocabulary), new, default=0, return_dtype=pl.UInt32)
    return pl.select(pl.when(series.is_not_null()).then(coded)).to_series()


def _sets(lists: pl.Series, spec: FeatureSpec) -> pl.Series:
    flat = pl.DataFrame({"row": range(len(lists)), "member": lists}).with_columns(
        pl.col("row").cast(pl.UInt32)
    )
    flat = flat.explode("member").drop_nulls()
    coded = flat.select("row", _codes(flat["member"], spec).alias("code")).unique(
        maintain_order=True
    )
    grouped = coded.group_by("row", maintain_order=True).agg(pl.col("code").head(spec.length))
    rows = pl.DataFrame({"row": range(len(lists))}, schema={"row": pl.UInt32})
    return rows.join(grouped, on="row", how="left", maintain_order="left")["code"].cast(
        pl.List(pl.UInt32)
    )


def _media(
    series: pl.Series,
    spec: FeatureSpec,
    root: Path,
    out: Path | None,
    cleaning: Cleaning,
    report: Reporter,
) -> FeatureArray:
    if series.dtype == pl.String:
        series = series.to_frame().select(cell_values.text(series.name, series.dtype)).to_series()
    cells, what = series.to_list(), f"{spec.entity}s: `{spec.name}`"
    decoder, word = decoding.Decoder.of(spec), decoding.WORDS[spec.kind]
    with report.task(f"{word} ({spec.name})", total=len(cells), unit=word) as task:
        array, bad, silent = decoding.decode_all(cells, root, decoder, out, task)

    def shown(rows: list[int]) -> list[str]:
        return [str(cells[i]) if isinstance(cells[i], str) else f"(row {i + 1})" for i in rows[:3]]

    cleaning.changed(f"{what} missing, masked", series.null_count())
    cleaning.changed(f"{what} undecodable, masked", len(bad), shown(bad))
    if spec.kind == "audio":
        cleaning.changed(f"{what} without a sound track, masked", len(silent), shown(silent))
    return array


def _vectors(
    series: pl.Series, spec: FeatureSpec, out: Path | None, cleaning: Cleaning
) -> FeatureArray:
    lists = series.to_frame().select(cell_values.vector(series.name, series.dtype)).to_series()
    fits = (lists.list.len() == spec.size).fill_null(False)
    array = np.zeros((len(series), spec.size), np.float32)
    mask = fits.to_numpy().copy()
    if mask.any():
        array[mask] = lists.filter(fits).cast(pl.Array(pl.Float32, spec.size)).to_numpy()
    finite = np.isfinite(array).all(axis=1)
    mask &= finite
    array = (array - np.asarray(spec.state["mean"], np.float32)) / np.float32(spec.state["scale"])
    array[~mask] = 0
    cleaning.changed(
        f"{spec.entity}s: `{spec.name}` missing or of another length, masked", int((~mask).sum())
    )
    if out is not None:
        np.save(out, array)
    return FeatureArray(array, mask)
