"""Raw rows of users or items to features, encoded as the training data of a run were."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from m6rec_cli.data.feature_arrays import FeatureArray, column_array
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.preprocessing import encode, tables
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.frozen import encoding
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.feature_spec import Entity, FeatureSpec
from m6rec_cli.system.progress import Reporter


def open_table(run: LoadedRun, path: Path, what: str, report: Reporter) -> tables.Table:
    """Open a raw table as the training data were, with a warning of text that is not UTF-8.

    Args:
        what: Names the table in an error: `interactions`, `items` or `users`.
    """
    table = tables.scan(path, what, no_header=run.schema.has_numbered_columns)
    if table.warning:
        report.warn(table.warning)
    return table


def encode_rows(
    run: LoadedRun,
    frame: pl.DataFrame,
    specs: Sequence[FeatureSpec],
    entity: Entity,
    media: Path,
    report: Reporter,
) -> tuple[dict[str, FeatureArray], pl.DataFrame]:
    """Features of raw rows, by the features that the run was fitted with.

    Args:
        media: The folder that paths of pictures, sounds and videos are relative to.

    Returns:
        All features as arrays, and the frame of those that are stored as columns.
    """
    run.files.check(*run.files.names("features"))  # the folder may be another run's by now
    cleaning = CleaningLog()
    frame = encoding.add_vectors(
        frame, map(FeatureColumn.of, specs), media, entity, report, cleaning
    )
    table, arrays = encode.encode_features(
        frame, specs, run.path / "features", media, entity, cleaning=cleaning, report=report
    )
    for rule in cleaning.rules:
        if rule.changed and "undecodable" in rule.rule:
            report.warn(f"{rule.rule}: {rule.changed:,}, first: {rule.examples[0]}")
    return {
        s.name: arrays[s.name] if s.name in arrays else column_array(s, table) for s in specs
    }, table
