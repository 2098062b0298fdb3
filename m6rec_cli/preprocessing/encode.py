"""Raw columns to encoded features, by features that were fitted before."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from m6rec_cli.data.feature_arrays import FeatureArray, media_stem, save_array
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS, EncodeContext
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system import extras
from m6rec_cli.system.feature_spec import Entity, FeatureSpec
from m6rec_cli.system.progress import Reporter, SilentReporter


def encode_features(
    frame: pl.DataFrame,
    specs: Sequence[FeatureSpec],
    features_dir: Path,
    media_root: Path,
    entity: Entity,
    *,
    media_out: Path | None = None,
    cleaning: CleaningLog | None = None,
    report: Reporter | None = None,
) -> tuple[pl.DataFrame, dict[str, FeatureArray]]:
    """Encode the rows of an entity.

    Args:
        frame: Raw columns, as `entity_tables` reads them and `frozen.encoding` adds to them. A
            feature without its column is missing in every row.
        specs: Fitted features; those of the other entity are skipped.
        features_dir: The folder with the files that features share, such as the tokenizer.
        media_root: The folder that media paths are relative to.
        entity: `item` or `user`.
        media_out: Where arrays are saved as `.npy`; None keeps them in memory.
        cleaning: Counts clipped, masked and undecodable cells.
        report: Shows the progress of media.

    Returns:
        A frame with the features that are stored as columns, and the arrays of the others by
        feature name, aligned to the rows.

    Raises:
        M6RecError: A feature needs an extra that is not installed, or its kind is unknown.
    """
    cleaning = CleaningLog() if cleaning is None else cleaning
    report = SilentReporter() if report is None else report
    columns: list[pl.Series] = []
    arrays: dict[str, FeatureArray] = {}
    for spec in specs:
        if spec.entity != entity:
            continue
        kind = FEATURE_KINDS.load(spec.kind)
        require_extra(FeatureColumn.of(spec))
        context = EncodeContext(
            folder=features_dir,
            media_root=media_root,
            out=media_out / f"{media_stem(entity, spec.name)}.npy" if media_out else None,
            cleaning=cleaning,
            report=report,
        )
        encoded = kind.encode(_cells(frame, spec), spec, context)
        if isinstance(encoded, FeatureArray):
            arrays[spec.name] = encoded
            if media_out:
                save_array(media_out, spec, encoded)
        else:
            columns.append(encoded.alias(spec.name))
    table = pl.DataFrame(columns) if columns else pl.DataFrame({"n": range(len(frame))}).select([])
    return table, arrays


def _cells(frame: pl.DataFrame, spec: FeatureSpec) -> pl.Series:
    name = cell_values.source_column(FeatureColumn.of(spec))
    missing = pl.Series(name, [None] * len(frame), pl.String)
    return frame[name] if name in frame.columns else missing


def require_extra(column: FeatureColumn) -> None:
    """Check that the library that reads the column's cells is installed.

    Raises:
        M6RecError: The feature needs an extra that is not installed.
    """
    extra = FEATURE_KINDS.load(column.kind).TRAITS.extra
    if extra:
        extras.require(extra, f"the feature `{column.name}` ({column.kind}) needs")
