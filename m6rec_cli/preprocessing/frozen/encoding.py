"""Columns of texts or pictures to columns of vectors, by frozen encoders from local ONNX files."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.cleaning.rules import Cleaning
from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.frozen import onnx_encoder
from m6rec_cli.preprocessing.frozen.vector_cache import VectorCache
from m6rec_cli.preprocessing.media import decoding
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity
from m6rec_cli.system.progress import Reporter

SUFFIX = ".frozen"


def with_encoders(schema: Schema, config: DataConfig) -> Schema:
    """The schema with a vector feature `NAME.frozen` beside each text and image, as `data.*_encoder` ask for.

    Raises:
        M6RecError: An encoder is missing, cannot be run, or reads the other of the two.
    """
    paths = {"text": config.text_encoder, "image": config.image_encoder}

    def more(columns: tuple[FeatureColumn, ...]) -> tuple[FeatureColumn, ...]:
        known = {c.name for c in columns}
        found = [c for c in columns if paths.get(c.kind) and c.name + SUFFIX not in known]
        for kind in sorted({c.kind for c in found}):
            _require(kind, paths[kind])
        return columns + tuple(
            FeatureColumn(c.name + SUFFIX, c.column, "vector", encoder=paths[c.kind]) for c in found
        )

    return replace(
        schema, item_features=more(schema.item_features), user_features=more(schema.user_features)
    )


def _require(kind: str, path: str) -> None:
    """Raise unless an encoder reads what `data.KIND_encoder` is for: exports have a text and a picture model in one folder."""
    encoder, _ = _load(FeatureColumn(kind, kind, "vector", encoder=path))
    if encoder.kind != kind:
        words = {"text": "texts", "image": "pictures"}
        raise M6RecError(
            f"`data.{kind}_encoder` names a model that reads {words[encoder.kind]}",
            where=path,
            hint=f"name one that reads {words[kind]}",
        )


def pin(schema: Schema) -> Schema:
    """The schema with the full path and the digest of every encoder, each loaded once to see that it runs.

    Raises:
        M6RecError: An encoder is missing, cannot be run, or is not the one that the schema pins.
    """

    def one(column: FeatureColumn) -> FeatureColumn:
        if column.encoder is None:
            return column
        path = Path(column.encoder).expanduser().resolve()
        _load(column)
        return replace(column, encoder=str(path), sha256=onnx_encoder.digest(path))

    return replace(
        schema,
        item_features=tuple(map(one, schema.item_features)),
        user_features=tuple(map(one, schema.user_features)),
    )


def embed(
    frame: pl.DataFrame,
    columns: Iterable[FeatureColumn],
    root: Path,
    entity: Entity,
    report: Reporter,
    cleaning: Cleaning,
) -> pl.DataFrame:
    """Add a column of vectors, named as `values.source` says, for every feature with an encoder.

    What the cache has is not encoded again. A cell that is missing, or a picture that cannot be read, is null.

    Args:
        frame: Raw columns; a feature whose column is not there is passed over.
        root: The folder that picture cells are relative to.

    Raises:
        M6RecError: An encoder is missing, cannot be run, or is not the one that the features were made with.
    """
    for column in columns:
        raw = cell_values.raw_column(column.column)
        if column.encoder is None or raw not in frame.columns:
            continue
        encoder, sha256 = _load(column)
        if encoder.note:
            report.note(encoder.note)
        cells = frame[raw]
        if encoder.kind == "text" or cells.dtype == pl.String:
            cells = frame.select(cell_values.text(raw, cells.dtype)).to_series()
        found, bad = _encoded(
            cells.to_list(), encoder, VectorCache(sha256, report), root, column, report
        )
        if encoder.kind == "image":
            shown = [
                str(cells[i]) if isinstance(cells[i], str) else f"(row {i + 1})" for i in bad[:3]
            ]
            cleaning.changed(f"{entity}s: `{column.name}` undecodable, masked", len(bad), shown)
        frame = frame.with_columns(found.alias(cell_values.source(column)))
    return frame


def _encoded(
    cells: list[object],
    encoder: onnx_encoder.Encoder,
    cache: VectorCache,
    root: Path,
    column: FeatureColumn,
    report: Reporter,
) -> tuple[pl.Series, list[int]]:
    text = encoder.kind == "text"

    def work(source: str | bytes | Path) -> tuple[bytes, np.ndarray | None] | None:
        try:
            content = source.read_bytes() if isinstance(source, Path) else source
        except OSError:
            return None  # counted with the pictures that cannot be decoded
        key = cache.key(content)
        found = cache.get(key)
        return key, encoder(content) if found is None else found

    sources = (
        [c if isinstance(c, str) else None for c in cells]
        if text
        else [decoding.source(c, root) for c in cells]
    )
    vectors: dict[int, np.ndarray] = {}
    bad: list[int] = []
    unit = "texts" if text else "pictures"
    with report.task(f"{encoder.path.name} ({column.name})", total=len(cells), unit=unit) as task:
        for row, result in decoding.stream(sources, work):
            if result is not None and result[1] is not None:
                vectors[row] = result[1]
                cache.put(*result)
            elif cells[row] is not None:
                bad.append(row)
            task.advance(1)
    cache.flush()
    size = len(next(iter(vectors.values()))) if vectors else 1
    matrix, mask = np.zeros((len(cells), size), np.float32), np.zeros(len(cells), bool)
    for row, vector in vectors.items():
        matrix[row], mask[row] = vector, True
    whole = pl.DataFrame({"v": pl.Series(matrix, dtype=pl.Array(pl.Float32, size)), "m": mask})
    return whole.select(pl.when("m").then("v")).to_series(), bad


def _load(column: FeatureColumn) -> tuple[onnx_encoder.Encoder, str]:
    """The encoder of a feature and its digest."""
    assert column.encoder is not None
    path = Path(column.encoder).expanduser().resolve()
    sha256 = onnx_encoder.digest(path)
    if column.sha256 is not None and column.sha256 != sha256:
        raise M6RecError(
            f"the encoder of the feature `{column.name}` is not the one that it was made with",
            where=str(path),
            hint=f"put back the files with the digest {column.sha256[:12]}…, or run `m6rec preprocess` afresh and train again",
        )
    return onnx_encoder.load(path, sha256), sha256
