"""Events whose item or user is not in its table: refused, dropped or kept, as configured."""

import re
from dataclasses import dataclass

import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog, row_examples
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity

WITHOUT_PROFILE = "users: not in the user table, kept without a profile"


@dataclass(frozen=True, kw_only=True)
class TablePaths:
    """Paths of the tables, for errors."""

    events: str
    items: str | None = None
    users: str | None = None


def resolve_unknown_ids(
    frame: pl.DataFrame,
    items: pl.DataFrame | None,
    users: pl.DataFrame | None,
    schema: Schema,
    config: DataConfig,
    cleaning: CleaningLog,
    paths: TablePaths,
) -> pl.DataFrame:
    """Apply `data.unknown_items` and `data.unknown_users`.

    Args:
        frame: Clean events.
        items: The catalogue with its column `id`; without one, every item is known.
        users: The user table; without one, every user is known.

    Returns:
        The events that are kept.

    Raises:
        M6RecError: There are unknown ids and the configuration forbids them, or no event is left.
    """
    if items is not None:
        unknown = _unknown(frame["item"], items["id"])
        if config.unknown_items == "error" and unknown.any():
            raise _unknown_ids_error(
                "item", frame.filter(unknown), schema.item, paths.events, paths.items
            )
        frame = cleaning.keep_rows(frame, "events: unknown items", ~unknown, "item")
    if users is not None:
        unknown = _unknown(frame["user"], users["id"])
        if config.unknown_users == "error" and unknown.any():
            raise _unknown_ids_error(
                "user", frame.filter(unknown), schema.user, paths.events, paths.users
            )
        if config.unknown_users == "drop":
            frame = cleaning.keep_rows(frame, "events: unknown users", ~unknown, "user")
        else:
            ids = frame["user"].filter(unknown).unique(maintain_order=True).cast(pl.String)
            cleaning.count_changed(WITHOUT_PROFILE, len(ids), ids.head(3).to_list())
    if frame.is_empty():
        raise M6RecError(
            "no event has both a known item and a known user",
            where=paths.events,
            hint="do the tables use the same ids?",
        )
    return frame


def _unknown(values: pl.Series, ids: pl.Series) -> pl.Series:
    """Whether each value is missing among `ids`; compares distinct values only."""
    distinct = values.unique().cast(pl.String)
    unknown = distinct.filter(~distinct.is_in(ids.implode()))
    return (
        values.cast(pl.String).is_in(unknown.implode())
        if len(unknown)
        else pl.repeat(False, len(values), eager=True)
    )


def _unknown_ids_error(
    entity: Entity, rows: pl.DataFrame, column: str, events: str, table: str | None
) -> M6RecError:
    firsts = row_examples(rows.unique(entity, keep="first", maintain_order=True), entity)
    shown = ", ".join(re.sub(r"^(.*) (\(row \d+\))$", r"`\1` \2", first) for first in firsts)
    place = "the catalogue" if entity == "item" else "the user table"
    n = len(rows)
    return M6RecError(
        f"{n:,} event{'s have' if n > 1 else ' has'} {entity} ids that are not in {place}",
        where=f"{events}, column `{column}`, first: {shown}",
        hint=f"add them to {table or place}, or pass `--unknown-{entity}s drop`",
    )
