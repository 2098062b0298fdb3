"""Training rows to fitted features.

Fitting sees only rows with training events: held-out rows must not shape the scale or the
vocabulary by which they are evaluated.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.data.feature_arrays import read_specs
from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS, FitContext
from m6rec_cli.preprocessing.further_items import FurtherItems, with_further_cells
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.system.feature_spec import Entity, FeatureSpec
from m6rec_cli.system.sealed_files import SealedDirectory


def fit_features(
    items: pl.DataFrame,
    users: pl.DataFrame,
    schema: Schema,
    config: DataConfig,
    folder: Path,
    further: Sequence[FurtherItems] = (),
) -> tuple[FeatureSpec, ...]:
    """Fit every feature of the schema.

    Args:
        items: Raw columns of the items with training events.
        users: Raw columns of the users with training events.
        schema: Names the features.
        config: The `data` section.
        folder: The `features` folder, where the files that features share are written.
        further: Items of other tables that item features are fitted on, too.

    Raises:
        M6RecError: A column does not fit its kind, or the kind is unknown.
    """
    found: list[tuple[Entity, FeatureColumn, pl.Series]] = [
        *(
            ("item", column, with_further_cells(_cells(items, column), column, further))
            for column in schema.item_features
        ),
        *(("user", column, _cells(users, column)) for column in schema.user_features),
    ]
    specs: list[FeatureSpec] = []
    for entity, column, cells in found:
        kind = FEATURE_KINDS.load(column.kind)
        same_kind = [other for _, c, other in found if c.kind == column.kind]
        context = FitContext(config=config, folder=folder, all_cells=same_kind)
        fitted = kind.fit(cells, column, context)
        specs.append(
            FeatureSpec(
                name=column.name,
                entity=entity,
                kind=column.kind,
                size=fitted.size,
                length=fitted.length,
                storage=kind.TRAITS.storage,
                compared_by=kind.TRAITS.compared_by,
                state={"column": column.column, **fitted.state},
            )
        )
    return tuple(specs)


def _cells(frame: pl.DataFrame, column: FeatureColumn) -> pl.Series:
    return frame[cell_values.source_column(column)]


def reuse_features(fitted: SealedDirectory, folder: Path) -> tuple[FeatureSpec, ...]:
    """Take over the features of another directory, with the files that they share.

    Args:
        folder: The `features` folder to copy these files to.
    """
    specs = read_specs(fitted)
    files = {FEATURE_KINDS.load(spec.kind).TRAITS.shared_file for spec in specs}
    for name in files - {None}:
        fitted.copy(f"features/{name}", folder / str(name))
    return specs
