"""Events whose item or user is not in its table: refused, dropped or kept, as configured."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog, row_examples
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity

WITHOUT_PROFILE = "users: not in the user table, kept without a profile"

_FITTING_SHARE = 0.5
_SPELLINGS: dict[str, Callable[[pl.Series], pl.Series]] = {
    "they fit without leading zeros: one of the tables has lost them, write the ids of both the "
    "same way": lambda ids: ids.str.strip_chars_start("0"),
    "they fit in lower case: write the ids of both tables the same way": (
        lambda ids: ids.str.to_lowercase()
    ),
    "they fit without `.0` at the end: write the ids of both tables the same way": (
        lambda ids: ids.str.replace(r"^(-?\d+)\.0$", "$1")
    ),
}


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
            fit = _spelling_that_fits(frame["item"].filter(unknown), items["id"])
            raise _unknown_ids_error(
                "item", frame.filter(unknown), schema.item, paths.events, paths.items, fit
            )
        _refuse_large_loss(frame.filter(unknown), len(frame), items["id"], config, schema, paths)
        frame = cleaning.keep_rows(frame, "events: unknown items", ~unknown, "item")
    if users is not None:
        unknown = _unknown(frame["user"], users["id"])
        if config.unknown_users == "error" and unknown.any():
            fit = _spelling_that_fits(frame["user"].filter(unknown), users["id"])
            raise _unknown_ids_error(
                "user", frame.filter(unknown), schema.user, paths.events, paths.users, fit
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


def _spelling_that_fits(unknown: pl.Series, known: pl.Series) -> str | None:
    """How most unknown ids could be written to be known, for a hint; None if there is no way."""
    ids = unknown.unique().cast(pl.String)
    for spelling, change in _SPELLINGS.items():
        fitting = change(ids).is_in(change(known.cast(pl.String)).implode()).mean()
        if isinstance(fitting, float) and fitting >= _FITTING_SHARE:
            return spelling
    return None


def _refuse_large_loss(
    unknown: pl.DataFrame,
    n: int,
    known: pl.Series,
    config: DataConfig,
    schema: Schema,
    paths: TablePaths,
) -> None:
    """Raise if dropping the unknown items takes more events than `data.max_unknown_share`."""
    share = len(unknown) / max(n, 1)
    if share <= config.max_unknown_share:
        return
    fit = _spelling_that_fits(unknown["item"], known)
    raise M6RecError(
        f"`--unknown-items drop` takes {share:.0%} of the events: {len(unknown):,} of {n:,} are on "
        "items that are not in the catalogue",
        where=f"{paths.events}, column `{schema.item}`, first: {_first_ids(unknown, 'item')}",
        hint=(f"{fit}. " if fit else "do both tables write item ids the same way? ")
        + "To accept the loss pass `--yes`, or set `data.max_unknown_share`",
    )


def _first_ids(rows: pl.DataFrame, entity: Entity) -> str:
    firsts = row_examples(rows.unique(entity, keep="first", maintain_order=True), entity)
    return ", ".join(re.sub(r"^(.*) (\(row \d+\))$", r"`\1` \2", first) for first in firsts)


def _unknown_ids_error(
    entity: Entity,
    rows: pl.DataFrame,
    column: str,
    events: str,
    table: str | None,
    fit: str | None,
) -> M6RecError:
    place = "the catalogue" if entity == "item" else "the user table"
    n = len(rows)
    return M6RecError(
        f"{n:,} event{'s have' if n > 1 else ' has'} {entity} ids that are not in {place}",
        where=f"{events}, column `{column}`, first: {_first_ids(rows, entity)}",
        hint=fit or f"add them to {table or place}, or pass `--unknown-{entity}s drop`",
    )
