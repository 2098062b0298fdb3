"""Open tables and their schema to what users see first: how each column is read, or why not."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.columns import label_expression, timestamps
from m6rec_cli.preprocessing.frozen import encoding
from m6rec_cli.preprocessing.inputs import InputTables, PreprocessInputs, resolve_schema
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.preprocessing.table_reading import FEATURE, NOT_USED, ColumnReading, TableReading
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.preprocessing.text_form import TextForm, text_form
from m6rec_cli.system.progress import Reporter, SilentReporter

_NONE = "-"
_SAMPLE_LENGTH = 24
_LISTED = 4


def resolve_and_show(
    inputs: PreprocessInputs, opened: InputTables, config: DataConfig, report: Reporter
) -> tuple[Schema, dict[str, str]]:
    """Find the schema, and show how the tables are read, then what is doubted.

    Returns:
        The schema with frozen encoders, and the columns that are not used, with the reasons.

    Raises:
        M6RecError: See `resolve_schema`; what was doubted before is shown.
    """
    doubts = SilentReporter()
    try:
        schema, skipped = resolve_schema(inputs, opened, config, doubts)
        if not inputs.like:
            schema = encoding.add_encoders(schema, config)
        for reading in table_readings(inputs, opened, schema, skipped):
            reading.show(report)
    finally:
        for doubt in doubts.warnings:
            report.warn(doubt)
    return schema, skipped


def table_readings(
    inputs: PreprocessInputs, opened: InputTables, schema: Schema, skipped: Mapping[str, str]
) -> list[TableReading]:
    """How the columns of each table are read.

    Args:
        skipped: Columns that inference left out, such as `items.colour`, with the reasons.
    """
    found = []
    tables = (("interactions", opened.events), ("items", opened.items), ("users", opened.users))
    for name, table in tables:
        if table is None:
            continue
        form = text_form(inputs.files[name][0], list(table.schema), no_header=inputs.no_header)
        reasons = {
            column.removeprefix(f"{name}."): reason
            for column, reason in skipped.items()
            if column.startswith(f"{name}.")
        }
        if inputs.like:
            reasons = dict.fromkeys(table.schema, "`--like` has no feature of it") | reasons
        rows = _rows(table, form, _uses(name, inputs, schema, table), reasons)
        found.append(TableReading(title=_title(name, table, form), rows=rows))
    return found


def _title(name: str, table: Table, form: TextForm) -> str:
    notes = [f"{table.n_rows:,} rows", *form.notes]
    if table.first_non_utf8_line is not None:
        notes.append("not UTF-8")
    return f"{name}: {table.path} ({', '.join(notes)})"


def _uses(
    name: str, inputs: PreprocessInputs, schema: Schema, table: Table
) -> list[tuple[str, str, str]]:
    """The role, column and kind of each use of a column; `-` stands for no column."""
    found: list[tuple[str, str | None, str]] = []
    if name == "users":
        found = [("user", schema.user_id or schema.user, "id")]
        found += _feature_uses(schema.user_features)
    elif name == "items":
        found = [("item", schema.item_id or schema.item, "id")]
    else:
        found = [
            ("user", schema.user, "id"),
            ("item", schema.item, "id"),
            ("time", schema.timestamp or _NONE, _time_kind(table, schema)),
            ("time", schema.time_of_day, "time of day, added to the date"),
            *(("order", column, _order_kind(schema)) for column in schema.order),
            ("event", schema.event, "kind of event"),
            ("weight", schema.weight, "number"),
            ("quantity", schema.quantity, "number"),
            ("price", schema.price, "number"),
        ]
        if inputs.positive:
            labels = label_expression.columns_of(table, inputs.positive)
            found += [("label", column, f"labelled if {inputs.positive}") for column in labels]
    if name == "items" or (name == "interactions" and inputs.items_from_interactions):
        found.append(("title", schema.display, "text that lists show"))
        found += _feature_uses(schema.item_features)
    return [(role, column, kind) for role, column, kind in found if column is not None]


def _feature_uses(features: Iterable[FeatureColumn]) -> list[tuple[str, str | None, str]]:
    return [(FEATURE, feature.column, _kind_of(feature)) for feature in features]


def _kind_of(feature: FeatureColumn) -> str:
    kind = feature.kind
    if feature.separator:
        key = re.fullmatch(r"\{(\w+)\}", feature.separator)
        kind += f", `{key[1]}` of objects" if key else f", separated by `{feature.separator}`"
    if feature.encoder:
        kind += f" by {Path(feature.encoder).name}"
    return kind if feature.name == feature.column else f"{kind}, as `{feature.name}`"


def _time_kind(table: Table, schema: Schema) -> str:
    """How the time is read, with the first one."""
    name, form = schema.timestamp, schema.timestamp_format
    if name is None:
        return "none" if schema.order else "events are in file order"
    if form == "order":
        return "an order, not times"
    if name not in table.schema or table.schema[name].is_nested():
        return form  # an error of its own follows
    head = table.head()
    try:
        parsed = timestamps.timestamp_ms(name, table.schema[name], form, head[name])
        first = head.select(parsed.cast(pl.Datetime("ms"))).to_series().drop_nulls().head(1)
    except pl.exceptions.PolarsError:
        return form  # an error of its own follows
    how = "time" if form == "auto" else f"time, {form}"
    return f"{how}, read as {first[0]:%Y-%m-%d %H:%M}" if len(first) else how


def _order_kind(schema: Schema) -> str:
    return "orders events at the same time" if schema.timestamp else "orders the events of a user"


def _rows(
    table: Table,
    form: TextForm,
    uses: list[tuple[str, str, str]],
    reasons: Mapping[str, str],
) -> list[ColumnReading]:
    head = table.head()
    rows = []
    for role, column, kind in uses:
        if column in table.schema:
            sample, has_comma = _sample(head[column], form.cells.get(column))
            kind += f": {_values(head[column])}" if role == "event" else ""
            kind += ", decimal commas" if has_comma else ""
            rows.append(ColumnReading(role=role, column=column, sample=sample, kind=kind))
        elif column == _NONE:
            rows.append(ColumnReading(role=role, column=_NONE, sample=_NONE, kind=kind))
    used = {column for _, column, _ in uses}
    for column in (name for name in table.schema if name not in used):
        reason = reasons.get(column, "nothing reads it")
        is_personal = reason.startswith("personal data")
        sample = "(hidden)" if is_personal else _sample(head[column], form.cells.get(column))[0]
        rows.append(ColumnReading(role=NOT_USED, column=column, sample=sample, kind=reason))
    return rows


def _sample(cells: pl.Series, written: str | None) -> tuple[str, bool]:
    """A cell as short text, and whether a decimal comma was read as a point.

    Args:
        written: The cell as the file has it, if that is known.
    """
    known = cells.drop_nulls().head(1)
    value = known[0] if len(known) else None
    if isinstance(value, pl.Series):
        value = value.to_list()
    read = f"{len(value):,} bytes" if isinstance(value, bytes) else str(value)
    text = " ".join((written or read).split()) if value is not None else "(empty)"
    cut = text if len(text) <= _SAMPLE_LENGTH else text[: _SAMPLE_LENGTH - 1] + "…"
    return cut, written is not None and "," in written and "," not in read


def _values(cells: pl.Series) -> str:
    values = cells.drop_nulls().cast(pl.String).value_counts(sort=True)[cells.name]
    more = f" and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
    return ", ".join(values.head(_LISTED)) + more
