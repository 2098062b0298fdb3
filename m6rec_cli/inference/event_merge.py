"""Kept events and new ones to one log without repetitions, of which a state keeps what a model reads."""

import polars as pl

from m6rec_cli.inference.user_states import UserStates

KEY = ["user", "item", "timestamp", "event"]
"""What makes two lines of a log the same event."""


def merged(
    old: UserStates, new: pl.DataFrame, items: pl.DataFrame, most: int
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """The kept events with the new ones among them, the older pairs, and how many new ones were passed over.

    Events of the same time keep the order in which they came. Of each user the last `most` events on items of the
    catalogue are kept, with all that lie among them or share their times, so that none of these is taken for a new one
    when it comes again. An event before all of them changes nothing but what was seen.

    Returns:
        The first with `item_row` (-1: not in the catalogue), `fresh`, and `late` (before an event of the old state).
    """
    # Two lines may be equal in all that is kept of them: the second is known if the state holds two.
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
    kept, cut = both.filter("keep").drop("keep", "following"), both.filter(~pl.col("keep"))
    older = pl.concat([old.older, cut.select("user", "item")]).unique(maintain_order=True)
    return kept, older, len(new) - int(kept["fresh"].sum())
