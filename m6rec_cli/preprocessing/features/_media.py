"""What image, audio and video share: recognised by file suffix, decoded file by file."""

from pathlib import Path

import polars as pl

from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.features._base import (
    ColumnSample,
    EncodeContext,
    rule_prefix,
    select,
)
from m6rec_cli.preprocessing.media import decoding
from m6rec_cli.preprocessing.media.decoding import Decoder, decode_all, name_cells
from m6rec_cli.system.feature_spec import FeatureSpec


def names_files(sample: ColumnSample, suffixes: str, plural: str) -> str | bool:
    """Whether at least half of the cells name files with these suffixes.

    Args:
        suffixes: Without their dot, between spaces.
        plural: What the files are, such as `pictures`.

    Returns:
        The reason to leave the column out if none of the files exists.
    """
    files = _ends_with(sample.known, suffixes)
    if not _is_half(files):
        return False
    named = (decoding.source(c, sample.media_root) for c in sample.known.filter(files).head(200))
    if any(isinstance(path, Path) and path.is_file() for path in named):
        return True
    return f"names {plural}, and none lies under {sample.media_root} (`--media DIR` says where)"


def has_paths(sample: ColumnSample, suffixes: str) -> bool:
    """Whether at least half of the paths beside the bytes have these suffixes."""
    dtype = sample.dtype
    if not isinstance(dtype, pl.Struct) or "path" not in {f.name for f in dtype.fields}:
        return False
    paths = sample.cells.struct.field("path").drop_nulls().cast(pl.String)
    return len(paths) > 0 and _is_half(_ends_with(paths, suffixes))


def _ends_with(paths: pl.Series, suffixes: str) -> pl.Series:
    return paths.str.to_lowercase().str.contains(rf"\.(?:{'|'.join(suffixes.split())})$")


def _is_half(flags: pl.Series) -> bool:
    share = flags.mean()
    return isinstance(share, float) and share >= 0.5


def encode_media(
    cells: pl.Series,
    spec: FeatureSpec,
    context: EncodeContext,
    decoder: Decoder,
    plural: str,
    *,
    empty_rule: str | None = None,
) -> FeatureArray:
    """Decode every cell; missing and undecodable ones are masked and counted.

    Args:
        plural: What the files are, such as `pictures`.
        empty_rule: The cleaning rule that counts files without the stream that is decoded.
    """
    if cells.dtype == pl.String:
        cells = select(cells, cell_values.text(cells.name, cells.dtype))
    files, what = cells.to_list(), rule_prefix(spec)
    with context.report.task(f"{plural} ({spec.name})", total=len(files), unit=plural) as task:
        array, bad, empty = decode_all(files, context.media_root, decoder, context.out, task)
    changed = context.cleaning.count_changed
    changed(f"{what} missing, masked", cells.null_count())
    decoding.count_outside(files, context.media_root, what, context.cleaning, context.report)
    changed(f"{what} undecodable, masked", len(bad), name_cells(files, bad))
    if empty_rule:
        changed(f"{what} {empty_rule}", len(empty), name_cells(files, empty))
    return array
