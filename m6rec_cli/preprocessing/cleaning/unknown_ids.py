"""Events whose item or user is in no table: an error that names them, dropped, or kept."""

import re
from dataclasses import dataclass

import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.cleaning.rules import Cleaning, examples
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity

WITHOUT_PROFILE = "users: not in the user table, kept without a profile"


@dataclass(frozen=True)
class Sources:
    """Paths of the tables, for errors."""

    events: str
    items: str | None = None
    users: str | None = None


def settle(
    frame: pl.DataFrame,
    items: pl.DataFrame | None,
    users: pl.DataFrame | None,
    schema: Schema,
    config: DataConfig,
    cleaning: Cleaning,
    sources: Sources,
) -> pl.DataFrame:
    """The events that stay, by `data.unknown_items` and `data.unknown_users`.

    Args:
        frame: `events.Parsed.frame`.
        items: The catalogue with its column `id`; None knows every item.
        users: The user table, likewise.

    Raises:
        M6RecError: There are unknown ids where they are errors, or no event stays.
    """
    if items is not None:
        unknown = _unknown(frame["item"], items["id"])
        if config.unknown_items == "error" and unknown.any():
            raise _error(
                "item",
                "the catalogue",
                frame.filter(unknown),
                schema.item,
                sources.events,
                sources.items,
            )
        frame = cleaning.keep(frame, "events: unknown items", ~unknown, "item")
    if users is not None:
        unknown = _unknown(frame["user"], users["id"])
        if config.unknown_users == "error" and unknown.any():
            raise _error(
                "user",
                "the user table",
                frame.filter(unknown),
                schema.user,
                sources.events,
                sources.users,
            )
        if config.unknown_users == "drop":
            frame = cleaning.keep(frame, "events: unknown users", ~unknown, "user")
        else:
            strangers = frame["user"].filter(unknown).unique(maintain_order=True).cast(pl.String)
            cleaning.changed(
                WITHOUT_PROFILE,
                len(strangers),
                strangers.head(3).to_list(),
            )
    if frame.is_empty():
        raise M6RecError(
            "no event names a known item and user",
            where=sources.events,
            hint="are the ids of the tables of one kind?",
        )
    return frame


def _unknown(values: pl.Series, ids: pl.Series) -> pl.Series:
    distinct = values.unique().cast(pl.String)
    unknown = distinct.filter(~distinct.is_in(ids.implode()))
    return (
        values.cast(pl.String).is_in(unknown.implode())
        if len(unknown)
        else pl.repeat(False, len(values), eager=True)
    )


def _error(
    what: Entity, place: str, rows: pl.DataFrame, column: str, events: str, table: str | None
) -> M6RecError:
    firsts = examples(rows.unique(what, keep="first", maintain_order=True), what)
    shown = ", ".join(re.sub(r"^(.*) (\(row \d+\))$", r"`\1` \2", first) for first in firsts)
    n = len(rows)
    return M6RecError(
        f"{n:,} event{'s name' if n > 1 else ' names'} {what}s that are not in {place}",
        where=f"{events}, column `{column}`, first: {shown}",
        hint=f"add them to {table or place}, or pass `--unknown-{what}s drop`",
    )
