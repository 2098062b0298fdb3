"""Stored and new events to one log without duplicates, cut to the events that a model reads."""

import hashlib
from dataclasses import dataclass

import polars as pl

from m6rec_cli.inference.user_states import UserStates

KEY = ["user", "item", "timestamp", "event"]
"""Two log lines with equal columns are the same event."""


@dataclass(frozen=True, kw_only=True)
class MergedEvents:
    """The events of a state directory after a merge.

    Attributes:
        recent: The events to store, sorted by user and time: `KEY`, `item_row` (-1: not in the
            catalogue), `fresh` (new) and `late` (new, and before a stored event).
        older: `user` and `item` of the events before these, distinct.
        n_known: New lines that the state had already.
    """

    recent: pl.DataFrame
    older: pl.DataFrame
    n_known: int


def merge_events(
    old: UserStates, new: pl.DataFrame, items: pl.DataFrame, most: int
) -> MergedEvents:
    """Add new events to the stored ones.

    Events of the same time stay in the order in which they arrive. Of each user the last `most`
    events on catalogue items stay, with all events between them or of the same time: if one of
    these arrives again, it is recognised. An event before all of them only adds to the seen items.

    Args:
        new: Has the columns `KEY`.
        items: Has `item_row`, by the item codes of `new`.
    """
    # Two lines can be equal in all columns: the second is known if the state holds two.
    number = pl.int_range(pl.len()).over(KEY).alias("number")
    theirs = old.events.join(new.select("user").unique(), on="user", how="semi").with_columns(
        number
    )
    fresh = new.with_columns(number).join(
        theirs, on=[*KEY, "number"], how="anti", maintain_order="left"
    )
    both = pl.concat(
        [old.events.with_columns(fresh=False), fresh.select(KEY).with_columns(fresh=True)]
    )
    both = both.sort("user", "timestamp", maintain_order=True)
    both = both.with_columns(items["item_row"].gather(both["item"]))

    def following(what: pl.Expr) -> pl.Expr:
        count = what.cast(pl.Int64)
        return (count.sum() - count.cum_sum()).over("user")

    both = both.with_columns(
        late=pl.col("fresh") & (following(~pl.col("fresh")) > 0),
        following=following(pl.col("item_row") >= 0),
    )
    both = both.with_columns(keep=pl.col("following").min().over("user", "timestamp") < most)
    recent, cut = both.filter("keep").drop("keep", "following"), both.filter(~pl.col("keep"))
    older = pl.concat([old.older, cut.select("user", "item")]).unique(maintain_order=True)
    return MergedEvents(recent=recent, older=older, n_known=len(new) - int(recent["fresh"].sum()))


def digest_events(new: pl.DataFrame) -> str:
    """SHA-256 of the columns `KEY`, to recognise the same events when they are passed again.

    The codes of users and items are stable: a state directory only appends to its tables.
    """
    total = hashlib.sha256()
    for name in KEY:
        total.update(new[name].cast(pl.Int64).to_numpy().tobytes())
    return total.hexdigest()
