"""Clean events, items and users to the tables of a data directory, before features are encoded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing import entity_tables, splits
from m6rec_cli.preprocessing.cleaning.activity import filter_by_activity
from m6rec_cli.preprocessing.cleaning.event_rules import SELF_EVENTS
from m6rec_cli.preprocessing.cleaning.rules import BlockCleaning
from m6rec_cli.preprocessing.cleaning.unknown_ids import KnownIds, TablePaths, UnknownIds
from m6rec_cli.preprocessing.event_blocks import EventBlocks
from m6rec_cli.preprocessing.event_files import EventFiles
from m6rec_cli.preprocessing.event_kinds import final_kind_codes, fit_event_kinds
from m6rec_cli.preprocessing.event_log import EventLog
from m6rec_cli.preprocessing.finished_events import EventCounts, KeptEvents
from m6rec_cli.preprocessing.row_numbers import (
    MISSING,
    codes_by_first_event,
    positions_of,
    rows_of_codes,
    without_dropped,
)
from m6rec_cli.preprocessing.tables import PLACE, ROW
from m6rec_cli.system.errors import M6RecError


@dataclass(frozen=True, kw_only=True)
class DataTables:
    """The tables that the written events refer to.

    Attributes:
        items: `id`, `display`, `popularity` and raw columns, by item row.
        users: `id` and raw columns, by user row.
        event_kinds: Event kinds by code.
        counts: What was counted over the events.
    """

    items: pl.DataFrame
    users: pl.DataFrame
    event_kinds: list[str]
    counts: EventCounts


def assemble(
    log: EventLog,
    items: pl.DataFrame | None,
    users: pl.DataFrame | None,
    config: DataConfig,
    paths: TablePaths,
    folder: Path,
    files: EventFiles,
    *,
    event_kinds: list[str] | None = None,
    drop_items_without_events: bool = False,
) -> DataTables:
    """Number users and items, remove those with too few events, sort, split and write the events.

    Args:
        items: The catalogue; None builds one from the events.
        users: The user table; None builds one from the events.
        folder: A temporary folder for the events.
        files: Where the events are written.
        event_kinds: Event kinds by code of an earlier data directory; None fits them.
        drop_items_without_events: Remove such items from the catalogue.

    Raises:
        M6RecError: There are unknown ids and they are forbidden, no event is left, the split needs
            times, or ties are to be shuffled that columns order.
    """
    schema, cleaning = log.schema, log.cleaning
    known = _known_events(log, items, users, config, paths, folder)
    if items is not None and drop_items_without_events:
        items = items.filter(pl.col("id").is_in(log.ids["item"].filter(known.has_item).implode()))
    items, item_row = _number_items(log.ids["item"], known.firsts["item"], items)
    users, user_row = _number_users(log.ids["user"], known.firsts["user"], users)
    kinds, kind_codes = event_kinds or [], None
    names, n_of_kind = log.coded.kinds, known.n_of_kind
    if not kinds:
        kinds = fit_event_kinds(names, n_of_kind[:-1], schema)
    if schema.event:
        is_fitted = event_kinds is not None
        kind_codes = final_kind_codes(names, n_of_kind, kinds, cleaning, is_fitted=is_fitted)
    active = filter_by_activity(
        known.blocks,
        log.ids,
        {"user": user_row, "item": item_row},
        config,
        cleaning,
        has_time=schema.has_time,
        path=paths.events,
    )
    if config.tie_order == "random" and schema.order:
        raise M6RecError(
            "columns order the events of the same time: they have no random order",
            where=f"data.tie_order, columns {', '.join(f'`{name}`' for name in schema.order)}",
            hint="leave out `data.tie_order`",
        )
    users, user_row = _without(users, user_row, active.drop_user)
    items, item_row = _without(items, item_row, active.drop_item)
    splits.require_times(config, has_time=schema.has_time)
    kept = KeptEvents.write(
        known.blocks,
        active.keep_event,
        user_row,
        item_row,
        kind_codes,
        (len(users), len(items)),
        folder,
    )
    counts = EventCounts(
        item_events=np.zeros(len(items), np.int64), user_events=np.zeros(len(users), np.int64)
    )
    for events in kept.finish(kept.splitter(config), counts, has_ties=schema.timestamp is not None):
        files.append(events)
    files.close()
    kept.blocks.remove()
    popularity = pl.Series("popularity", counts.item_events, pl.UInt32)
    return DataTables(
        items=items.with_columns(popularity), users=users, event_kinds=kinds, counts=counts
    )


@dataclass
class _KnownEvents:
    """Clean events on known ids, on codes.

    Attributes:
        blocks: The columns of `EventLog.clean_blocks`.
        firsts: Place of the first event of each code of `user` and `item`, u32; `MISSING` without.
        has_item: Items with clean events, also if their users are unknown, bool by code.
        n_of_kind: Events of each kind, the last of none, int.
    """

    blocks: EventBlocks
    firsts: dict[str, np.ndarray]
    has_item: np.ndarray
    n_of_kind: np.ndarray

    def add(self, frame: pl.DataFrame, block: int) -> None:
        """Write and count the events of a block."""
        for name, firsts in self.firsts.items():
            np.minimum.at(firsts, frame[name].to_numpy(), frame[PLACE].to_numpy())
        if "event" in frame.columns:
            kinds = frame["event"].fill_null(len(self.n_of_kind) - 1).to_numpy()
            self.n_of_kind += np.bincount(kinds, minlength=len(self.n_of_kind))
        self.blocks.append_block(frame.drop(ROW, PLACE), block)


def _known_events(
    log: EventLog,
    items: pl.DataFrame | None,
    users: pl.DataFrame | None,
    config: DataConfig,
    paths: TablePaths,
    folder: Path,
) -> _KnownEvents:
    """Clean the log, apply the rules of unknown ids, and write what is left."""
    ids, cleaning = log.ids, log.cleaning
    same_item = None
    if log.schema.users_are_items:
        same_item = positions_of(ids["user"], ids["item"])
    rules = KnownIds(
        UnknownIds("item", ids["item"], items), UnknownIds("user", ids["user"], users), config
    )
    known = _KnownEvents(
        EventBlocks(folder / "known", log.coded.blocks.n_blocks),
        {name: np.full(len(values), MISSING, np.uint32) for name, values in ids.items()},
        np.zeros(len(ids["item"]), bool),
        np.zeros(len(log.coded.kinds) + 1, np.int64),
    )
    done = []
    for block, clean in enumerate(log.clean_blocks()):
        frame = clean
        done.append(BlockCleaning(ids=ids))
        if same_item is not None:
            themselves = same_item[frame["user"].to_numpy()] == frame["item"].to_numpy()
            frame = done[-1].keep_rows(frame, SELF_EVENTS, pl.Series(~themselves), "user")
        known.has_item[frame["item"].to_numpy()] = True
        known.add(rules.keep(frame, done[-1]), block)
    log.coded.blocks.remove()
    rules.require(items, users, log.schema, paths)
    rules.record(cleaning, done)
    if all((firsts == MISSING).all() for firsts in known.firsts.values()):
        raise M6RecError(
            "no event has both a known item and a known user",
            where=paths.events,
            hint="do the tables use the same ids?",
        )
    return known


def _number_items(
    ids: pl.Series, firsts: np.ndarray, items: pl.DataFrame | None
) -> tuple[pl.DataFrame, np.ndarray]:
    """The item table, and the row of each item code.

    Without a catalogue, items are numbered in the order of their first event.
    """
    if items is not None:
        return items, positions_of(ids, items["id"])
    order = codes_by_first_event(firsts)
    return entity_tables.featureless_items(ids.gather(order)), rows_of_codes(order, len(ids))


def _number_users(
    ids: pl.Series, firsts: np.ndarray, users: pl.DataFrame | None
) -> tuple[pl.DataFrame, np.ndarray]:
    """The user table, and the row of each user code.

    Users are numbered in the order of their first event; users of the table without events follow.
    """
    order = codes_by_first_event(firsts)
    active = pl.DataFrame({"id": ids.gather(order)})
    if users is None:
        table = active
    else:
        known = active.join(users, on="id", how="left", maintain_order="left")
        others = users.filter(~pl.col("id").is_in(active["id"].implode()))
        table = known.vstack(others.select(known.columns))
    return table, rows_of_codes(order, len(ids))


def _without(
    table: pl.DataFrame, rows: np.ndarray, drop: np.ndarray
) -> tuple[pl.DataFrame, np.ndarray]:
    """A table and the rows of codes without the dropped codes."""
    dropped = np.zeros(len(table), bool)
    dropped[rows[drop]] = True
    return table.filter(pl.Series(~dropped)), without_dropped(rows, dropped)
