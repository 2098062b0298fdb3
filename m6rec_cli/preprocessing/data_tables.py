"""Clean events, items and users to the tables of a data directory, before features are encoded."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.data.format import SPLITS, TRAIN
from m6rec_cli.data.manifest import Counts
from m6rec_cli.preprocessing import entity_tables, splits
from m6rec_cli.preprocessing.cleaning.activity import filter_by_activity
from m6rec_cli.preprocessing.cleaning.event_rules import SELF_EVENTS
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.cleaning.unknown_ids import TablePaths, resolve_unknown_ids
from m6rec_cli.preprocessing.event_kinds import encode_event_kinds, fit_event_kinds
from m6rec_cli.preprocessing.event_order import find_ties, shuffle_ties, sort_events
from m6rec_cli.preprocessing.row_numbers import (
    categories,
    codes_by_first_event,
    renumber,
    rows_of,
    rows_of_codes,
)
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.errors import M6RecError


@dataclass(frozen=True, kw_only=True)
class DataTables:
    """Events on row numbers, and the tables that the rows refer to.

    Attributes:
        events: The columns of `events/*.parquet`, sorted by user, time, file order.
        items: `id`, `display`, `popularity` and raw columns, by item row.
        users: `id` and raw columns, by user row.
        event_kinds: Event kinds by code.
        user_popularity: Training events of each user, int (n_users,).
        ties: Events at the same time as another event of their user.
        tied_users: Users with a validation or test target at the time of another of their events.
        repeats: Share of the validation and test targets that their user has seen before.
    """

    events: pl.DataFrame
    items: pl.DataFrame
    users: pl.DataFrame
    event_kinds: list[str]
    user_popularity: np.ndarray
    ties: int
    tied_users: int
    repeats: float

    def counts(self) -> Counts:
        """Numbers of users, items, and events and targets of each split."""
        split = self.events["split"].to_numpy()
        label = self.events["label"].to_numpy()
        return Counts(
            users=len(self.users),
            items=len(self.items),
            events={name: int((split == code).sum()) for code, name in enumerate(SPLITS)},
            targets={
                name: int(((split == code) & label).sum())
                for code, name in enumerate(SPLITS)
                if code != TRAIN
            },
        )


def assemble(
    events: pl.DataFrame,
    items: pl.DataFrame | None,
    users: pl.DataFrame | None,
    schema: Schema,
    config: DataConfig,
    cleaning: CleaningLog,
    paths: TablePaths,
    *,
    event_kinds: list[str] | None = None,
    drop_items_without_events: bool = False,
) -> DataTables:
    """Number users and items, remove those with too few events, sort and split the events.

    Args:
        events: `event_log.ParsedLog.frame`.
        items: The catalogue; None builds one from the events.
        users: The user table; None builds one from the events.
        event_kinds: Event kinds by code of an earlier data directory; None fits them.
        drop_items_without_events: Remove such items from the catalogue.

    Raises:
        M6RecError: There are unknown ids and they are forbidden, no event is left, the split needs
            times, or ties are to be shuffled that columns order.
    """
    if schema.users_are_items:
        themselves = pl.col("user").cast(pl.String) == pl.col("item").cast(pl.String)
        events = cleaning.keep_rows(events, SELF_EVENTS, ~themselves, "user")
    if items is not None and drop_items_without_events:
        known = events["item"].unique().cast(pl.String)
        items = items.filter(pl.col("id").is_in(known.implode()))
    events = resolve_unknown_ids(events, items, users, schema, config, cleaning, paths)
    items, item_row = _number_items(events["item"], items)
    users, user_row = _number_users(events["user"], users)
    kinds = event_kinds or fit_event_kinds(events, schema)
    codes = encode_event_kinds(
        events["event"], kinds, schema, cleaning, is_fitted=event_kinds is not None
    )
    events = _on_rows(events, user_row, item_row, codes)
    active = filter_by_activity(
        events,
        users["id"],
        items["id"],
        config,
        cleaning,
        has_time=schema.has_time,
        path=paths.events,
    )
    # One copy of the log drops rows and sorts them.
    events = sort_events(events, active.keep_event)
    if config.tie_order == "random":
        if schema.order:
            raise M6RecError(
                "columns order the events of the same time: they have no random order",
                where=f"data.tie_order, columns {', '.join(f'`{name}`' for name in schema.order)}",
                hint="leave out `data.tie_order`",
            )
        events = shuffle_ties(events, config.seed)
    events = events.with_columns(
        renumber(events["user_row"], active.drop_user),
        renumber(events["item_row"], active.drop_item),
    )
    users = users.filter(pl.Series(~active.drop_user))
    items = items.filter(pl.Series(~active.drop_item))
    tied = np.zeros(len(events), bool)
    if schema.timestamp:
        tied = find_ties(events["user_row"].to_numpy(), events["timestamp"].to_numpy())
    events = splits.split_events(events, config, has_time=schema.has_time)
    users_of, labels = events["user_row"].to_numpy(), events["label"].to_numpy()
    split = events["split"].to_numpy()
    trains = split == TRAIN
    popularity = np.bincount(events["item_row"].to_numpy()[trains], minlength=len(items))
    order = ["user_row", "item_row", "timestamp", "event", "weight", "label", "split"]
    return DataTables(
        events=events.select(order),
        items=items.with_columns(pl.Series("popularity", popularity, pl.UInt32)),
        users=users,
        event_kinds=kinds,
        user_popularity=np.bincount(users_of[trains], minlength=len(users)),
        ties=int(tied.sum()),
        tied_users=splits.count_tied_users(users_of, tied, labels, split),
        repeats=splits.repeat_share(users_of, events["item_row"].to_numpy(), labels, split),
    )


def _on_rows(
    events: pl.DataFrame, user_row: pl.Series, item_row: pl.Series, codes: pl.Series
) -> pl.DataFrame:
    rows = [user_row.alias("user_row"), item_row.alias("item_row")]
    others = [events[name] for name in ("timestamp", "weight", "label")]
    return pl.DataFrame([*rows, *others, codes.alias("event")])


def _number_items(values: pl.Series, items: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.Series]:
    """The item table, and the item row of each event.

    Without a catalogue, items are numbered in the order of their first event.
    """
    if items is not None:
        return items, rows_of(values, items["id"])
    order = codes_by_first_event(values)
    ids = categories(values).gather(order)
    return entity_tables.featureless_items(ids), rows_of_codes(values, order)


def _number_users(values: pl.Series, users: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.Series]:
    """The user table, and the user row of each event.

    Users are numbered in the order of their first event; users of the table without events follow.
    """
    order = codes_by_first_event(values)
    active = pl.DataFrame({"id": categories(values).gather(order)})
    if users is None:
        table = active
    else:
        known = active.join(users, on="id", how="left", maintain_order="left")
        others = users.filter(~pl.col("id").is_in(active["id"].implode()))
        table = known.vstack(others.select(known.columns))
    return table, rows_of_codes(values, order)
