"""A column of the event log to what it depends on: the item, the user, the time or the line.

Measured by the agreement of pairs of lines: the share of pairs within one group (an item, a user,
a stretch of time) with equal values, less the share among all pairs, scaled so that 1 is certainty
and 0 is chance. Unlike the share of lines that a group's most common value predicts, it is not
biased towards columns with many values, nor towards groups with few lines. Within an item only
pairs of different users count, and within a user only pairs of different items: a repeated purchase
says nothing of either.
"""

from dataclasses import dataclass

import polars as pl

_LINES = 300_000
"""Lines at the head of the log that are compared."""
_BINS = 20
"""Numbers with more distinct values are compared by quantile."""
_MIN_PAIRS = 3
_MIN_ITEM_AGREEMENT = 0.5
"""Least agreement within items of an item's column."""


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """Agreement beyond chance of pairs of lines, at most 1; None if there are too few pairs.

    Attributes:
        item: Lines of one item and different users.
        user: Lines of one user and different items.
        time: Lines within one twentieth of the log in the order of time.
        is_constant: All known cells are equal.
    """

    item: float | None
    user: float | None
    time: float | None
    is_constant: bool = False

    def why_not_item(self) -> str | None:
        """The reason why the column is not the item's; None if it is."""
        if self.is_constant:
            return "all its cells are equal"
        if self.item is None:
            return "no item has several lines, so it may belong to the line"
        user, time = self.user or 0.0, self.time or 0.0
        if user >= self.item and user >= _MIN_ITEM_AGREEMENT:
            return "it depends on the user, not on the item"
        if time > self.item and time >= _MIN_ITEM_AGREEMENT:
            return "it depends on the time, not on the item"
        if self.item < _MIN_ITEM_AGREEMENT:
            return "it differs between the lines of an item"
        return None


def measure_dependence(
    lines: pl.LazyFrame, *, value: pl.Expr, item: pl.Expr, user: pl.Expr, time: pl.Expr | None
) -> Dependence:
    """Measure what a column depends on, from the first lines of a log.

    Args:
        value: The column, a number or a text; lines without a value do not count.
        time: Orders the lines in time; None if the log has no time.
    """
    frame = (
        lines.head(_LINES)
        .select(value=value, item=item, user=user, time=pl.lit(0) if time is None else time)
        .drop_nulls(["value", "item", "user"])
        .collect()
    )
    if frame["value"].dtype.is_numeric() and frame["value"].n_unique() > _BINS:
        frame = frame.with_columns(_quantile("value"))
    chance = _agreement(frame, [])
    if chance is None or chance >= 1:
        known = frame["value"]
        constant = len(known) > 0 and known.n_unique() == 1
        return Dependence(item=None, user=None, time=None, is_constant=constant)
    by_item = _agreement(frame, ["item"], apart="user")
    by_user = _agreement(frame, ["user"], apart="item")
    by_time = None
    if frame["time"].n_unique() > 1:
        by_time = _agreement(frame.with_columns(_quantile("time")), ["time"])
    if by_item is None:
        by_item = _agreement(frame, ["item"])
    return Dependence(
        item=_beyond(chance, by_item), user=_beyond(chance, by_user), time=_beyond(chance, by_time)
    )


def _quantile(name: str) -> pl.Expr:
    return (pl.col(name).rank("average") * _BINS / (pl.len() + 1)).floor().alias(name)


def _beyond(chance: float, agreement: float | None) -> float | None:
    return None if agreement is None else (agreement - chance) / (1 - chance)


def _agreement(frame: pl.DataFrame, group: list[str], apart: str | None = None) -> float | None:
    """The share of pairs within a group with equal values; None if there are too few pairs.

    Args:
        apart: The lines of a pair differ in this column.
    """
    pairs, equal = _pairs(frame, group), _pairs(frame, [*group, "value"])
    if apart is not None:
        pairs -= _pairs(frame, [*group, apart])
        equal -= _pairs(frame, [*group, apart, "value"])
    return equal / pairs if pairs >= _MIN_PAIRS else None


def _pairs(frame: pl.DataFrame, group: list[str]) -> float:
    """The number of pairs of lines that agree in all columns of `group`."""
    sizes = frame.group_by(group).len()["len"] if group else pl.Series([len(frame)])
    n = sizes.cast(pl.Float64)
    return float((n * (n - 1)).sum()) / 2
