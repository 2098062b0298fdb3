"""A raw event log to clean events: roles read, cells parsed, row rules applied.

The log is read in parts and cleaned in blocks of users. Memory holds one block and each distinct id
once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing import schema_file
from m6rec_cli.preprocessing.cleaning.event_rules import clean_events, latest_possible_time
from m6rec_cli.preprocessing.cleaning.rules import BlockCleaning, CleaningLog
from m6rec_cli.preprocessing.coded_events import CodedEvents, read_coded_events
from m6rec_cli.preprocessing.columns import label_expression
from m6rec_cli.preprocessing.event_columns import order_column
from m6rec_cli.preprocessing.event_order import order_lines
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.single_values import require_single_values
from m6rec_cli.preprocessing.tables import PLACE, ROW, NoRecords, Table
from m6rec_cli.system.errors import M6RecError, nearest_hint
from m6rec_cli.system.temporary import temporary_folder


@dataclass(frozen=True)
class EventLog:
    """A raw event log on disk, cleaned while it is read.

    Attributes:
        coded: The raw events.
        label: The `--positive` expression; without one, every event is labelled.
        cleaning: Where the rules are recorded.
    """

    table: Table
    schema: Schema
    coded: CodedEvents
    label: str | None
    cleaning: CleaningLog

    @property
    def ids(self) -> dict[str, pl.Series]:
        """The id of each code, of `user` and of `item`."""
        return {"user": self.coded.users, "item": self.coded.items}

    def clean_blocks(self) -> Iterator[pl.DataFrame]:
        """The clean events, all of some users at a time; the rules are recorded at the end.

        Yields:
            `ROW` and `PLACE` u32, `user` and `item` u32 codes, `timestamp` i64; `event` u32 codes,
            `weight` f32 and `label` bool as in `event_columns`. Ascending by `PLACE`.

        Raises:
            NoRecords: No event is left.
            M6RecError: The expression labels no event.
        """
        latest = latest_possible_time()
        logs, n_events, has_label = [], 0, self.label is None
        for block in range(self.coded.blocks.n_blocks):
            frame = self.coded.blocks.read(block)
            frame = frame if frame[ROW].is_sorted() else frame.sort(ROW)
            logs.append(BlockCleaning(ids=self.ids))
            frame = clean_events(frame, self.schema, logs[-1], latest=latest)
            n_events += len(frame)
            has_label = has_label or frame["label"].any()
            yield _in_order(frame, self.schema)
        self.cleaning.add_blocks(logs)
        if not n_events:
            worst = max(self.cleaning.rules, key=lambda rule: rule.dropped or 0)
            raise NoRecords(
                "no event is left after cleaning",
                where=self.table.path,
                hint=f"the rule `{worst.rule}` dropped most of them: {worst.dropped} rows; "
                "`m6rec preprocess --dry-run` shows how columns are read",
            )
        if not has_label:
            assert self.label
            raise M6RecError(
                "the expression labels no event",
                where=f"--positive '{self.label}'",
                hint=label_expression.known_values(self.table, self.label)
                or "is it written as in the file?",
            )


@dataclass(frozen=True)
class ParsedLog:
    """Clean events in file order; those that `Schema.order` orders are in that order.

    Attributes:
        frame: `__row` u32, `user` and `item` Enum, `timestamp` i64, `event` Categorical (null
            without an event column), `weight` f32, `label` bool.
        cleaning: What the rules did.
    """

    frame: pl.DataFrame
    cleaning: CleaningLog


def read_events(
    table: Table, schema: Schema, *, cleaning: CleaningLog | None = None
) -> pl.DataFrame:
    """Read and clean raw events as `preprocess` does, for inference on a raw log.

    Returns:
        `user_id` str, `item_id` str, `timestamp` i64 (milliseconds, or a rank), `event` str (null
        where the cell is missing), `weight` f32; sorted by user, time, file order.

    Raises:
        M6RecError: A column of the schema is missing.
    """
    parsed = parse(table, schema, cleaning=cleaning)
    return parsed.frame.select(
        pl.col("user").cast(pl.String).alias("user_id"),
        pl.col("item").cast(pl.String).alias("item_id"),
        "timestamp",
        pl.col("event").cast(pl.String),
        "weight",
    ).sort("user_id", "timestamp", maintain_order=True)


def parse(
    table: Table, schema: Schema, *, label: str | None = None, cleaning: CleaningLog | None = None
) -> ParsedLog:
    """The clean events of a log as one frame; see `open_log`."""
    cleaning = cleaning or CleaningLog()
    with temporary_folder() as folder:
        log = open_log(table, schema, folder, label=label, cleaning=cleaning)
        frame = pl.concat(log.clean_blocks()).sort(PLACE)
    kinds = pl.repeat(None, len(frame), dtype=pl.String, eager=True)
    if schema.event:
        kinds = log.coded.kinds.gather(frame["event"])
    frame = frame.with_columns(
        *(frame[name].cat.to(pl.Enum(ids)) for name, ids in log.ids.items()),
        kinds.cast(pl.Categorical).alias("event"),
        *([] if schema.weight else [pl.lit(1.0, pl.Float32).alias("weight")]),
        *([] if label else [pl.lit(True).alias("label")]),
    )
    columns = [ROW, "user", "item", "timestamp", "event", "weight", "label"]
    return ParsedLog(frame.select(columns), cleaning)


def open_log(
    table: Table,
    schema: Schema,
    folder: Path,
    *,
    label: str | None = None,
    cleaning: CleaningLog,
) -> EventLog:
    """Read the columns that have roles in `schema` into blocks on disk.

    Args:
        folder: A temporary folder for the blocks.
        label: The `--positive` expression; without one, every event is labelled.
        cleaning: Where the rules are recorded.

    Raises:
        M6RecError: A role's column is missing, the expression is wrong, or ids are not exact.
    """
    require_columns(table, schema)
    first = [f"(row {table.first_unparseable})"] if table.first_unparseable else []
    cleaning.count_dropped("events: unparseable rows", table.n_unparseable, first)
    if table.n_repeated_headers:
        cleaning.count_dropped("events: repeated header lines", table.n_repeated_headers)
    coded = read_coded_events(table, schema, folder, label=label, cleaning=cleaning)
    return EventLog(table, schema, coded, label, cleaning)


def require_columns(table: Table, schema: Schema) -> None:
    """Raise unless the column of every role is in the table and holds one value per cell."""
    roles = [(role, getattr(schema, role)) for role in schema_file.ROLES]
    for role, name in (*roles, *(("order", name) for name in schema.order)):
        if name is None:
            continue
        if name not in table.schema:
            raise M6RecError(
                f"there is no column `{name}`, which the schema names as the {role}",
                where=table.path,
                hint=nearest_hint(name, table.schema),
            )
        require_single_values(table, name, role)


def _in_order(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Apply `Schema.order`; without a time, the places in the file become the times."""
    places = frame[ROW].alias(PLACE)
    if schema.order:
        names = [order_column(i) for i in range(len(schema.order))]
        keys, times = [frame[name] for name in names], frame["timestamp"]
        time = "timestamp" if schema.timestamp else None
        frame = order_lines(frame.drop(names), keys, user="user", time=time, row=ROW)
        frame = frame if time else frame.with_columns(times)
    return frame.with_columns(places)
