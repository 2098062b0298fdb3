"""Events whose item or user is not in its table: refused, dropped or kept, as configured."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.cleaning.rules import BlockCleaning, CleaningLog, row_examples
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.tables import PLACE, ROW
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity

UNKNOWN_ITEMS = "events: unknown items"
UNKNOWN_USERS = "events: unknown users"
WITHOUT_PROFILE = "users: not in the user table, kept without a profile"

_EXAMPLES = 3
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


class UnknownIds:
    """The events whose id a table lacks, over the blocks of a log.

    Attributes:
        mask: Whether each code's id is unknown, bool.
        n: Number of events on unknown ids.
        total: Number of all events.
        seen: Unknown ids with events, bool by code.
        first: `ROW`, `PLACE` and the id, in the order of the log: of each block the first events
            on three different ids.
    """

    def __init__(self, entity: Entity, ids: pl.Series, table: pl.DataFrame | None) -> None:
        self.entity, self.ids = entity, ids
        self.has_table = table is not None
        self.mask = np.zeros(len(ids), bool)
        if table is not None:
            self.mask = ~ids.is_in(table["id"].implode()).to_numpy()
        self.n, self.total = 0, 0
        self.seen = np.zeros(len(ids), bool)
        self._firsts: list[pl.DataFrame] = []

    def find(self, frame: pl.DataFrame) -> pl.Series:
        """Which events of a block are on unknown ids; they are counted."""
        codes = frame[self.entity].to_numpy()
        unknown = self.mask[codes]
        n = int(np.count_nonzero(unknown))
        self.n, self.total = self.n + n, self.total + len(frame)
        if n:
            self.seen[codes[unknown]] = True
            events = frame.filter(pl.Series(unknown)).select(ROW, PLACE, self.entity)
            first = events.unique(self.entity, keep="first", maintain_order=True).head(_EXAMPLES)
            ids = self.ids.gather(first[self.entity]).alias(self.entity)
            self._firsts.append(first.with_columns(ids))
        return pl.Series(unknown)

    @property
    def first(self) -> pl.DataFrame:
        """The first events on different unknown ids: `ROW`, and the id by the entity's name."""
        events = pl.concat(self._firsts).sort(PLACE)
        return events.unique(self.entity, keep="first", maintain_order=True).head(_EXAMPLES)

    def spelling_that_fits(self, known: pl.Series) -> str | None:
        """How most unknown ids could be written to be known, for a hint."""
        return _spelling_that_fits(self.ids.filter(pl.Series(self.seen)), known)


@dataclass(frozen=True)
class KnownIds:
    """The rules for events on ids that the tables lack, see `data.unknown_items`.

    Attributes:
        items: Unknown items; none without a catalogue.
        users: Unknown users; none without a user table.
    """

    items: UnknownIds
    users: UnknownIds
    config: DataConfig

    def keep(self, frame: pl.DataFrame, cleaning: CleaningLog) -> pl.DataFrame:
        """The events of a block that are kept."""
        if self.items.has_table:
            frame = cleaning.keep_rows(frame, UNKNOWN_ITEMS, ~self.items.find(frame), "item")
        if self.users.has_table:
            unknown = self.users.find(frame)
            if self.config.unknown_users == "drop":
                frame = cleaning.keep_rows(frame, UNKNOWN_USERS, ~unknown, "user")
        return frame

    def require(
        self,
        items: pl.DataFrame | None,
        users: pl.DataFrame | None,
        schema: Schema,
        paths: TablePaths,
    ) -> None:
        """Raise if the configuration forbids what was found, after the last block.

        Raises:
            M6RecError: There are unknown ids and the configuration forbids them, or unknown items
                would take too many events.
        """
        if items is not None and self.items.n:
            fit = self.items.spelling_that_fits(items["id"])
            if self.config.unknown_items == "error":
                raise _unknown_ids_error(self.items, schema.item, paths.events, paths.items, fit)
            _refuse_large_loss(self.items, fit, self.config, schema, paths)
        if users is not None and self.users.n and self.config.unknown_users == "error":
            fit = self.users.spelling_that_fits(users["id"])
            raise _unknown_ids_error(self.users, schema.user, paths.events, paths.users, fit)

    def record(self, cleaning: CleaningLog, blocks: list[BlockCleaning]) -> None:
        """Record the rules of all blocks, and the users without a profile that are kept."""
        cleaning.add_blocks(blocks)
        if self.users.has_table and self.config.unknown_users != "drop":
            n = int(np.count_nonzero(self.users.seen))
            examples = self.users.first["user"].to_list() if n else []
            cleaning.count_changed(WITHOUT_PROFILE, n, examples)


def _spelling_that_fits(unknown: pl.Series, known: pl.Series) -> str | None:
    """How most of some ids could be written to be known, for a hint; None if there is no way."""
    for spelling, change in _SPELLINGS.items():
        fitting = change(unknown).is_in(change(known.cast(pl.String)).implode()).mean()
        if isinstance(fitting, float) and fitting >= _FITTING_SHARE:
            return spelling
    return None


def _refuse_large_loss(
    unknown: UnknownIds, fit: str | None, config: DataConfig, schema: Schema, paths: TablePaths
) -> None:
    """Raise if dropping the unknown items takes more events than `data.max_unknown_share`."""
    share = unknown.n / max(unknown.total, 1)
    if share <= config.max_unknown_share:
        return
    raise M6RecError(
        f"`--unknown-items drop` takes {share:.0%} of the events: {unknown.n:,} of "
        f"{unknown.total:,} are on items that are not in the catalogue",
        where=f"{paths.events}, column `{schema.item}`, first: {_first_ids(unknown)}",
        hint=(f"{fit}. " if fit else "do both tables write item ids the same way? ")
        + "To accept the loss pass `--yes`, or set `data.max_unknown_share`",
    )


def _first_ids(unknown: UnknownIds) -> str:
    firsts = row_examples(unknown.first, unknown.entity)
    return ", ".join(re.sub(r"^(.*) (\(row \d+\))$", r"`\1` \2", first) for first in firsts)


def _unknown_ids_error(
    unknown: UnknownIds, column: str, events: str, table: str | None, fit: str | None
) -> M6RecError:
    entity = unknown.entity
    place = "the catalogue" if entity == "item" else "the user table"
    return M6RecError(
        f"{unknown.n:,} event{'s have' if unknown.n > 1 else ' has'} {entity} ids that are not in "
        f"{place}",
        where=f"{events}, column `{column}`, first: {_first_ids(unknown)}",
        hint=fit or f"add them to {table or place}, or pass `--unknown-{entity}s drop`",
    )
