"""Item tables of other shops to cells that features are fitted on, too (`--fit-with`).

Shops that share a language differ in their words and categories: a tokenizer and vocabularies that
know one shop alone cut the words of the next one to pieces. The other tables have no events here,
so all their rows count. What they are encoded by later is up to `--like`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values, column_names, kinds
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS
from m6rec_cli.preprocessing.local_copies import folder_of
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.progress import Reporter

_NO_FEATURE = "no feature of the first table"


@dataclass(frozen=True, kw_only=True)
class FurtherItems:
    """The cells of one table.

    Attributes:
        path: As the user gave it.
        cells: The cells of each feature that is fitted together, by its column.
        left_out: Why other columns, or features without one, are not.
    """

    path: str
    n_rows: int
    cells: Mapping[str, pl.Series]
    left_out: Mapping[str, str]

    def to_json(self) -> dict[str, object]:
        """The part of the summary."""
        return {
            "path": self.path,
            "rows": self.n_rows,
            "columns": list(self.cells),
            "left_out": dict(self.left_out),
        }


def read_further_items(table: Table, path: Path, schema: Schema, own: pl.DataFrame) -> FurtherItems:
    """The columns of a table that have the name, the kind and the type of an item feature.

    Args:
        path: The file of the table, beside which its media are.
        schema: Names the item features.
        own: The raw columns of the first item table.
    """
    head = table.head()
    item_id = column_names.find_column(table.schema, (*column_names.ITEM, "id"))
    ids = {item_id, schema.item_id or schema.item}
    names = [name for name in table.schema if name not in ids]
    inferred, reasons = kinds.infer_features(head, names, folder_of(path))
    kind_of = {feature.column: feature for feature in inferred}
    cells: dict[str, pl.Series] = {}
    left_out: dict[str, str] = {}
    for feature in schema.item_features:
        name = feature.column
        why_not = _why_not(feature, kind_of.get(name), table, own, reasons.get(name))
        if why_not is None:
            cells[name] = table.frame.select(name).collect(engine="streaming")[name]
        else:
            left_out[name] = why_not
    known = {feature.column for feature in schema.item_features}
    left_out |= {name: _NO_FEATURE for name in names if name not in known}
    return FurtherItems(path=table.path, n_rows=table.n_rows, cells=cells, left_out=left_out)


def _why_not(
    feature: FeatureColumn,
    found: FeatureColumn | None,
    table: Table,
    own: pl.DataFrame,
    not_inferred: str | None,
) -> str | None:
    """Why the column of a feature is not fitted together; None if it is.

    Args:
        found: What the column is inferred as here.
        not_inferred: Why it is inferred as nothing.
    """
    name, traits = feature.column, FEATURE_KINDS.load(feature.kind).TRAITS
    if feature.encoder:
        return "a frozen encoder reads it: fitted on the first table alone"
    if name not in table.schema:
        return "no such column"
    if traits.storage == "array" and traits.compared_by is None:
        return f"nothing is fitted on the cells of kind {feature.kind}"
    if found is None:
        return not_inferred or f"no {feature.kind} here"
    # Short texts look like categories; `--like` reads both as the first table's kind.
    if found.kind != feature.kind and traits.encoder_input != "text":
        return f"{found.kind} here, {feature.kind} in the first table"
    if found.kind == feature.kind and found.separator != feature.separator:
        return f"separated by `{found.separator}` here, by `{feature.separator}` in the first table"
    here, there = table.schema[name], own[cell_values.source_column(feature)].dtype
    if here != there and not (here.is_numeric() and there.is_numeric()):
        return f"{here} here, {there} in the first table"
    return None


def with_further_cells(
    cells: pl.Series, feature: FeatureColumn, further: Sequence[FurtherItems]
) -> pl.Series:
    """The cells of a feature, followed by those of other tables."""
    column = feature.column
    more = [one.cells[column] for one in further if not feature.encoder and column in one.cells]
    if not more:
        return cells
    frames = [series.alias(cells.name).to_frame() for series in (cells, *more)]
    return pl.concat(frames, how="vertical_relaxed").to_series()


def show(further: Sequence[FurtherItems], n_own: int, schema: Schema, report: Reporter) -> None:
    """Show which tables each item feature is fitted on.

    Args:
        n_own: Rows of the first item table that count.
    """
    for one in further:
        rows = [
            (feature.column, f"{n_own:,} + {one.n_rows:,} rows")
            for feature in schema.item_features
            if feature.column in one.cells
        ]
        rows += [(column, f"not fitted together: {why}") for column, why in one.left_out.items()]
        report.table(f"item features fitted with {one.path}", ("column", "fitted on"), rows)
        if not one.cells:
            report.warn(
                f"no column of {one.path} has the name and kind of an item feature: nothing is "
                "fitted on it"
            )
