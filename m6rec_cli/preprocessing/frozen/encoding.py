"""Columns of texts or pictures to columns of vectors, by frozen encoders from local ONNX files."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS
from m6rec_cli.preprocessing.frozen import export_files, onnx_encoder
from m6rec_cli.preprocessing.frozen.onnx_encoder import FrozenEncoder
from m6rec_cli.preprocessing.frozen.vector_cache import VectorCache
from m6rec_cli.preprocessing.media import decoding
from m6rec_cli.preprocessing.schema import ENCODED_KIND, FeatureColumn, Schema
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity
from m6rec_cli.system.progress import Reporter

SUFFIX = ".frozen"
_PLURALS = {"text": "texts", "image": "pictures"}


def add_encoders(schema: Schema, config: DataConfig) -> Schema:
    """Add a vector feature `NAME.frozen` beside each feature that `data.*_encoder` can read.

    Raises:
        M6RecError: An encoder is missing, cannot be run, or reads pictures in place of texts or
            texts in place of pictures.
    """
    paths = {"text": config.text_encoder, "image": config.image_encoder}

    def add(columns: tuple[FeatureColumn, ...]) -> tuple[FeatureColumn, ...]:
        names = {c.name for c in columns}
        inputs = {c: FEATURE_KINDS.load(c.kind).TRAITS.encoder_input for c in columns}
        wanted = {
            c: read
            for c, read in inputs.items()
            if read and paths[read] and c.name + SUFFIX not in names
        }
        for read in sorted(set(wanted.values())):
            _require_input(read, paths[read])
        return columns + tuple(
            FeatureColumn(c.name + SUFFIX, c.column, ENCODED_KIND, encoder=paths[read])
            for c, read in wanted.items()
        )

    return replace(
        schema, item_features=add(schema.item_features), user_features=add(schema.user_features)
    )


def _require_input(wanted: str, path: str) -> None:
    """Check that an encoder reads what its key names: exports keep both models in one folder."""
    encoder, _ = _load(FeatureColumn(wanted, wanted, ENCODED_KIND, encoder=path))
    if encoder.reads != wanted:
        raise M6RecError(
            f"`data.{wanted}_encoder` names a model that reads {_PLURALS[encoder.reads]}",
            where=path,
            hint=f"name one that reads {_PLURALS[wanted]}",
        )


def pin_encoders(schema: Schema) -> Schema:
    """Write the full path and the digest of every encoder into the schema.

    Raises:
        M6RecError: An encoder is missing, cannot be run, or differs from the one that the schema
            pins.
    """

    def pin(column: FeatureColumn) -> FeatureColumn:
        if column.encoder is None:
            return column
        _load(column)  # fail before the work, not in the middle of it
        path = _path(column)
        return replace(column, encoder=str(path), sha256=export_files.digest(path))

    return replace(
        schema,
        item_features=tuple(map(pin, schema.item_features)),
        user_features=tuple(map(pin, schema.user_features)),
    )


def add_vectors(
    frame: pl.DataFrame,
    columns: Iterable[FeatureColumn],
    root: Path,
    entity: Entity,
    report: Reporter,
    cleaning: CleaningLog,
) -> pl.DataFrame:
    """Add a column of vectors for every feature with an encoder; see `cell_values.source_column`.

    Cached vectors are not computed again. Missing cells and undecodable pictures become null.

    Args:
        frame: Raw columns; a feature without its column is skipped.
        columns: The features.
        root: The folder that picture paths are relative to.
        entity: Whose features they are.
        report: Shows progress, and what was assumed about an encoder.
        cleaning: Counts undecodable pictures.

    Raises:
        M6RecError: An encoder is missing, cannot be run, or differs from the one of the features.
    """
    for column in columns:
        raw = cell_values.raw_column(column.column)
        if column.encoder is None or raw not in frame.columns:
            continue
        encoder, sha256 = _load(column)
        if encoder.note:
            report.note(encoder.note)
        cells = frame[raw]
        if encoder.reads == "text" or cells.dtype == pl.String:
            cells = frame.select(cell_values.text(raw, cells.dtype)).to_series()
        values, cache = cells.to_list(), VectorCache(sha256, report)
        found, bad = _encode(values, encoder, cache, root, column, report)
        if encoder.reads == "image":
            what = f"{entity}s: `{column.name}`"
            decoding.count_outside(values, root, what, cleaning, report)
            rule = f"{what} undecodable, masked"
            cleaning.count_changed(rule, len(bad), decoding.name_cells(values, bad))
        frame = frame.with_columns(found.alias(cell_values.source_column(column)))
    return frame


def _encode(
    cells: list[object],
    encoder: FrozenEncoder,
    cache: VectorCache,
    root: Path,
    column: FeatureColumn,
    report: Reporter,
) -> tuple[pl.Series, list[int]]:
    """Encode cells to arrays of f32, and name the rows of undecodable ones."""

    def work(source: str | bytes | Path) -> tuple[bytes, np.ndarray] | None:
        try:
            content = source.read_bytes() if isinstance(source, Path) else source
        except OSError:
            return None
        key = cache.key(content)
        cached = cache.get(key)
        vector = encoder(content) if cached is None else cached
        return None if vector is None else (key, vector)

    sources: list[str | bytes | Path | None] = (
        [cell if isinstance(cell, str) else None for cell in cells]
        if encoder.reads == "text"
        else [decoding.source(cell, root) for cell in cells]
    )
    outside = set(decoding.rows_outside(cells, root)) if encoder.reads == "image" else set()
    vectors: dict[int, np.ndarray] = {}
    bad: list[int] = []
    name, unit = f"{encoder.path.name} ({column.name})", _PLURALS[encoder.reads]
    with report.task(name, total=len(cells), unit=unit) as task:
        for row, encoded in decoding.stream(sources, work):
            if encoded is not None:
                key, vectors[row] = encoded
                cache.put(key, vectors[row])
            elif cells[row] is not None and row not in outside:
                bad.append(row)
            task.advance(1)
    cache.flush()
    size = len(next(iter(vectors.values()))) if vectors else 1
    matrix, mask = np.zeros((len(cells), size), np.float32), np.zeros(len(cells), bool)
    for row, vector in vectors.items():
        matrix[row], mask[row] = vector, True
    whole = pl.DataFrame({"v": pl.Series(matrix, dtype=pl.Array(pl.Float32, size)), "m": mask})
    return whole.select(pl.when("m").then("v")).to_series(), bad


def _load(column: FeatureColumn) -> tuple[FrozenEncoder, str]:
    """The encoder of a feature and its digest."""
    path = _path(column)
    sha256 = export_files.digest(path)
    if column.sha256 is not None and column.sha256 != sha256:
        raise M6RecError(
            f"the encoder of the feature `{column.name}` differs from the one it was fitted with",
            where=str(path),
            hint=f"put back the files with the digest {column.sha256[:12]}…, "
            "or run `m6rec preprocess` afresh and train again",
        )
    return onnx_encoder.load(path, sha256), sha256


def _path(column: FeatureColumn) -> Path:
    assert column.encoder is not None
    try:
        return Path(column.encoder).expanduser().resolve()
    except (RuntimeError, ValueError) as error:  # an unknown `~user`, a null byte
        raise M6RecError(
            f"the encoder's path cannot be read: {error}",
            where=f"{column.name}.encoder = {column.encoder!r}",
            hint="write the whole path of a local ONNX file",
        ) from None
