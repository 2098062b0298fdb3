"""Clean events and tables to one log on row numbers: unknown ids, bots, k-core, order, split, popularity."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.data.format import COLD, SPLITS, TRAIN
from m6rec_cli.preprocessing import entity_tables, splits
from m6rec_cli.preprocessing.cleaning import unknown_ids
from m6rec_cli.preprocessing.cleaning.rules import Cleaning, bots, k_core
from m6rec_cli.preprocessing.cleaning.unknown_ids import Sources
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.directories import read_json
from m6rec_cli.system.errors import M6RecError

EVENT_NAMES = "events.json"
NO_EVENT = "event"
_NOWHERE = 2**32 - 1
_SORTED_AT_ONCE = 1 << 21
_LOOKED_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Log:
    """What `preprocess` writes, before features are encoded.

    Attributes:
        events: The columns of `events/*.parquet`, sorted by user, time, file order.
        items: `id`, `display`, `popularity` and raw columns, aligned to item rows.
        users: `id` and raw columns, aligned to user rows.
        event_names: Event kinds by code.
        item_popularity: Training events, int (n_items,).
        user_popularity: Training events, int (n_users,).
        ties: Events at the same time as another of their user.
    """

    events: pl.DataFrame
    items: pl.DataFrame
    users: pl.DataFrame
    event_names: list[str]
    item_popularity: np.ndarray
    user_popularity: np.ndarray
    ties: int

    def counts(self) -> dict[str, Any]:
        """Users, items and events per split, and held-out targets."""
        split = self.events["split"].to_numpy()
        label = self.events["label"].to_numpy()
        per_split = {name: int((split == code).sum()) for code, name in enumerate(SPLITS)}
        targets = {
            name: int(((split == code) & label).sum())
            for code, name in enumerate(SPLITS)
            if code != TRAIN
        }
        return {
            "users": len(self.users),
            "items": len(self.items),
            "events": per_split,
            "targets": targets,
        }


def read_event_names(features: Path) -> list[str]:
    """The event kinds by code of a features folder."""
    return read_json(features / EVENT_NAMES, "the list of event kinds")


def assemble(
    frame: pl.DataFrame,
    items: pl.DataFrame | None,
    users: pl.DataFrame | None,
    schema: Schema,
    config: DataConfig,
    cleaning: Cleaning,
    sources: Sources,
    *,
    event_names: list[str] | None = None,
    met_alone: bool = False,
) -> Log:
    """Turn clean events and tables into a log on rows.

    Args:
        frame: `events.Parsed.frame`.
        items: The catalogue; None makes one from the events.
        users: The user table; None makes one from the events.
        sources: Paths, for errors.
        event_names: Kinds by code of a model that exists; a kind that is not among them takes code 0.
        met_alone: Leave out items of the catalogue without events.

    Raises:
        M6RecError: Unknown ids where they are errors, nothing left, or a split that needs times.
    """
    if schema.users_are_items:
        themselves = pl.col("user").cast(pl.String) == pl.col("item").cast(pl.String)
        frame = cleaning.keep(frame, "events: of a user with himself", ~themselves, "user")
    if items is not None and met_alone:
        items = items.filter(pl.col("id").is_in(frame["item"].unique().cast(pl.String).implode()))
    frame = unknown_ids.settle(frame, items, users, schema, config, cleaning, sources)
    item_order = None
    if items is None:
        item_order = met(frame["item"])
        items = entity_tables.ids_alone(names_of(frame["item"]).gather(item_order))
    user_order = met(frame["user"])
    user_ids = names_of(frame["user"]).gather(user_order)
    if users is not None:
        first = pl.DataFrame({"id": user_ids})
        users = first.join(users, on="id", how="left", maintain_order="left").vstack(
            users.filter(~pl.col("id").is_in(user_ids.implode())).select(
                first.join(users.head(0), on="id", how="left").columns
            )
        )
    else:
        users = pl.DataFrame({"id": user_ids})
    user_row = rows_of(frame["user"], users["id"], user_order)
    item_row = rows_of(frame["item"], items["id"], item_order)
    frame, names = _coded(frame, user_row, item_row, schema, event_names, cleaning)
    user_gone, item_gone, keep = _removed(
        frame, items, users, schema, config, cleaning, sources.events
    )
    # One copy leaves out rows, sorts them and numbers users and items anew.
    frame = _in_order(frame, keep)
    frame = frame.with_columns(
        _renumbered(frame["user_row"], user_gone), _renumbered(frame["item_row"], item_gone)
    )
    items, users = items.filter(pl.Series(~item_gone)), users.filter(pl.Series(~user_gone))
    frame, ties = _split(frame, schema, config)
    trains = frame["split"].to_numpy() == TRAIN
    popularity, activity = (
        np.bincount(frame[name].to_numpy()[trains], minlength=n)
        for name, n in (("item_row", len(items)), ("user_row", len(users)))
    )
    items = items.with_columns(pl.Series("popularity", popularity, pl.UInt32))
    columns = ["user_row", "item_row", "timestamp", "event", "weight", "label", "split"]
    return Log(frame.select(columns), items, users, names, popularity, activity, ties)


def _coded(
    frame: pl.DataFrame,
    user_row: pl.Series,
    item_row: pl.Series,
    schema: Schema,
    event_names: list[str] | None,
    cleaning: Cleaning,
) -> tuple[pl.DataFrame, list[str]]:
    """Strings to row numbers and event codes."""
    names = event_names
    if schema.event is None:
        names = names or [NO_EVENT]
    if names is None:
        counts = frame.select(pl.col("event").cast(pl.String)).drop_nulls().group_by("event").len()
        names = counts.sort(["len", "event"], descending=[True, False])["event"].to_list() or [
            NO_EVENT
        ]
        if len(names) > 255:
            raise M6RecError(
                f"the event column has {len(names):,} kinds of events, at most 255 are possible",
                where=f"column `{schema.event}`, for instance `{names[0]}`",
                hint="is it the right column? name another one in the schema, or none",
            )
    columns = [
        user_row.alias("user_row"),
        item_row.alias("item_row"),
        frame["timestamp"],
        frame["weight"],
        frame["label"],
    ]
    columns.append(
        _kinds(frame["event"], names, schema, event_names is not None, cleaning).alias("event")
    )
    return pl.DataFrame(columns), names


def _kinds(
    event: pl.Series, names: list[str], schema: Schema, fitted: bool, cleaning: Cleaning
) -> pl.Series:
    """The code of each event's kind, u8."""
    if schema.event is None:
        return pl.zeros(len(event), pl.UInt8, eager=True)
    codes = rows_of(event, pl.Series(names))
    new = codes.is_null() & event.is_not_null()
    if fitted:
        shown = event.filter(new).cast(pl.String).unique().sort().head(3).to_list()
        cleaning.changed(
            "events: a kind that the fitted state does not know, taken as the first",
            int(new.sum()),
            shown,
        )
    cleaning.changed(f"events: no event kind, taken as `{names[0]}`", event.null_count())
    return codes.fill_null(0).cast(pl.UInt8)


def names_of(values: pl.Series) -> pl.Series:
    """The categories of an Enum, by code."""
    assert isinstance(values.dtype, pl.Enum)
    return values.dtype.categories


def met(values: pl.Series) -> np.ndarray:
    """The codes of an Enum in the order of their first appearance; those that do not appear are left out."""
    codes = values.to_physical().to_numpy()
    first = np.full(len(names_of(values)), len(codes))
    for start in reversed(range(0, len(codes), _LOOKED_AT_ONCE)):
        part = codes[start : start + _LOOKED_AT_ONCE]
        # Of equal codes the last one written stays, so events go backwards.
        first[part[::-1]] = np.arange(start + len(part), start, -1) - 1
    return np.argsort(first, kind="stable")[: np.count_nonzero(first < len(codes))]


def rows_of(values: pl.Series, ids: pl.Series, order: np.ndarray | None = None) -> pl.Series:
    """The position of each value in `ids` (u32), null where it is not among them.

    Args:
        values: Categorical or Enum; its distinct values alone are looked up.
        order: The codes of `ids`, where these are the values of an Enum themselves.
    """
    if order is not None:
        places = np.full(len(names_of(values)), _NOWHERE, np.uint32)
        places[order] = np.arange(len(order), dtype=np.uint32)
        return pl.Series(places[values.to_physical().to_numpy()])
    distinct = values.unique().drop_nulls()
    table = pl.DataFrame({"id": ids.cast(pl.String)}).with_row_index("position")
    found = pl.DataFrame({"id": distinct.cast(pl.String)}).join(
        table, on="id", how="left", maintain_order="left"
    )["position"]
    codes = distinct.to_physical()
    last = int(codes.max() or 0)  # type: ignore[arg-type]
    places = np.full(last + 2, _NOWHERE, np.uint32)
    places[codes.to_numpy()] = found.fill_null(_NOWHERE).to_numpy()
    at = places[values.to_physical().fill_null(last + 1).to_numpy()]
    return pl.Series(at).replace(_NOWHERE, None) if (at == _NOWHERE).any() else pl.Series(at)


def _in_order(frame: pl.DataFrame, keep: np.ndarray) -> pl.DataFrame:
    """The events to keep, sorted by user, time and file order."""
    columns = {name: frame[name].to_numpy() for name in frame.columns}
    ordered = {
        name: np.empty(np.count_nonzero(keep), column.dtype) for name, column in columns.items()
    }
    done = 0
    for at, order in in_order(columns["user_row"], columns["timestamp"], keep):
        for name, column in columns.items():
            # First as they lie in the file, then within a block that the cache holds.
            ordered[name][done : done + len(at)] = column[at][order]
        done += len(at)
    return pl.DataFrame(ordered)


def in_order(
    users: np.ndarray, times: np.ndarray, keep: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of users: where their events to keep are, ascending, and the order of these by user, time and file order.

    What a sort needs beside its result stays small.
    """
    ends = np.searchsorted(
        np.cumsum(np.bincount(users)), np.arange(_SORTED_AT_ONCE, len(users), _SORTED_AT_ONCE)
    )
    bounds = [0, *(int(end) + 1 for end in np.unique(ends)), int(users.max(initial=0)) + 1]
    earliest = int(times.min(initial=0))
    span = int(times.max(initial=0)) - earliest + 1
    # The block of each event in a byte or two, since all events are looked through for each block.
    block = np.repeat(np.arange(len(bounds) - 1, dtype=np.uint16), np.diff(bounds))[users]
    block[~keep] = len(bounds)
    for number, (first, last) in enumerate(itertools.pairwise(bounds)):
        at = np.flatnonzero(block == number)
        if (last - first) * span < 2**63:  # one number holds both
            both = users[at].astype(np.int64) - first
            both *= span
            both += times[at]
            both -= earliest
            yield at, stable_argsort(both)
        else:
            yield at, np.lexsort((times[at], users[at]))


def stable_argsort(keys: np.ndarray) -> np.ndarray:
    """`np.argsort(keys, kind="stable")` in less than half its time: equal keys, which are few, are put in order afterwards."""
    index = pl.Series(keys).arg_sort().to_numpy(writable=True)
    ordered = keys[index]
    same = ordered[1:] == ordered[:-1]
    tied = np.zeros(len(keys), bool)
    tied[1:] |= same
    tied[:-1] |= same
    at = np.flatnonzero(tied)
    index[at] = index[at][np.lexsort((index[at], ordered[at]))]
    return index


def _renumbered(rows: pl.Series, gone: np.ndarray) -> pl.Series:
    new = np.cumsum(~gone, dtype=np.uint32) - np.uint32(1)
    return pl.Series(rows.name, new[rows.to_numpy()]) if gone.any() else rows


def _removed(
    frame: pl.DataFrame,
    items: pl.DataFrame,
    users: pl.DataFrame,
    schema: Schema,
    config: DataConfig,
    cleaning: Cleaning,
    path: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bots and what the k-core does not hold: which users go, which items, and which events stay."""
    user_gone, item_gone = np.zeros(len(users), bool), np.zeros(len(items), bool)
    user_rows, item_rows = frame["user_row"].to_numpy(), frame["item_row"].to_numpy()
    keep = np.ones(len(frame), bool)
    if config.max_user_events_per_day:
        if not schema.has_time:
            raise M6RecError(
                "a rate of events needs times, and the events have an order alone",
                where="data.max_user_events_per_day",
                hint="leave it at 0",
            )
        busy = bots(user_rows, frame["timestamp"].to_numpy(), config.max_user_events_per_day)
        user_gone[busy] = True
        keep = ~user_gone[user_rows]
        cleaning.dropped(
            "events: of bots", int((~keep).sum()), users["id"].gather(busy[:3]).to_list()
        )
    if config.min_user_events > 1 or config.min_item_events > 1:
        left, *below_both = k_core(
            user_rows, item_rows, config.min_user_events, config.min_item_events, keep
        )
        for what, gone, table, below in zip(
            ("user", "item"), (user_gone, item_gone), (users, items), below_both, strict=True
        ):
            gone[below] = True
            cleaning.dropped(
                f"{what}s: below the minimum of events (k-core)",
                len(below),
                table["id"].gather(below[:3]).to_list(),
            )
        cleaning.dropped("events: of such users and items", int(keep.sum() - left.sum()))
        keep = left
    if not keep.any():
        raise M6RecError(
            "no event is left after the minimum numbers of events",
            where=path,
            hint="lower `--min-user-events`, `--min-item-events` or raise `data.max_user_events_per_day`",
        )
    return user_gone, item_gone, keep


def _split(frame: pl.DataFrame, schema: Schema, config: DataConfig) -> tuple[pl.DataFrame, int]:
    users, label = frame["user_row"].to_numpy(), frame["label"].to_numpy().astype(bool)
    times, items = frame["timestamp"].to_numpy(), frame["item_row"].to_numpy()
    if not (config.cold_users or config.cold_items):
        split, label = _by_kind(users, label, times, schema, config)
    else:
        cold_user = np.isin(users, splits.draw(users, config.cold_users, config.seed))
        cold = cold_user | np.isin(items, splits.draw(items, config.cold_items, config.seed))
        split, label = (
            np.full(len(frame), COLD, np.uint8),
            splits.cold_targets(users, label, cold, cold_user),
        )
        # The others are divided as if the cold events had never been.
        split[~cold], label[~cold] = _by_kind(
            users[~cold], label[~cold], times[~cold], schema, config
        )
    ties = splits.count_ties(users, times) if schema.timestamp else 0
    return frame.with_columns(
        pl.Series("split", split, pl.UInt8), pl.Series("label", label, pl.Boolean)
    ), ties


def _by_kind(
    users: np.ndarray, label: np.ndarray, times: np.ndarray, schema: Schema, config: DataConfig
) -> tuple[np.ndarray, np.ndarray]:
    match config.split:
        case "leave-one-out":
            return splits.leave_one_out(users, label)
        case "temporal":
            if not schema.has_time:
                raise M6RecError(
                    "a temporal split needs times, and the events have an order alone",
                    where="data.split",
                    hint="choose `--split ratio` or `leave-one-out`",
                )
            return splits.temporal(times, config.valid_fraction, config.test_fraction), label
        case "ratio":
            return splits.ratio(users, config.valid_fraction, config.test_fraction), label
        case _:
            return np.zeros(len(users), np.uint8), label
