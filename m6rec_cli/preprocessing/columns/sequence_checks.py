"""Numbers on event lines to the reason why they are no order of the events, if there is one.

The numbers of an order go up one by one, do not come twice within what they number, and do not
contradict the time.
"""

from dataclasses import dataclass

import polars as pl

from m6rec_cli.preprocessing.columns import column_names
from m6rec_cli.preprocessing.columns.dependence import measure_dependence

USER, ITEM, TIME, SESSION = "user", "item", "time", "session"
_MOST = 0.95
_STEPS_OF_ONE = 0.5
"""Least share of steps of one between sorted numbers; larger steps are lines that the log lacks."""
_BELONGS_TO_ENTITY = 0.9
_NUMBER_OF_ORDERS = ("ordernumber", "order", "visitnumber", "ordersequence")
"""Names of columns that may repeat within a user, since an order has several lines."""


def distinct(lines: pl.DataFrame, columns: list[str]) -> int:
    """The number of distinct rows of some columns."""
    return lines.select(columns).n_unique()


@dataclass(frozen=True)
class Numbers:
    """A column of numbers on the lines of a log.

    Attributes:
        lines: `USER`, `ITEM`, `TIME` and `SESSION` (null without one), and the column; file order.
        column: Its name in `lines`.
        name: Its name in the table.
    """

    lines: pl.DataFrame
    column: str
    name: str

    @property
    def _has_time(self) -> bool:
        return self.lines[TIME].null_count() < len(self.lines)

    @property
    def _has_session(self) -> bool:
        return self.lines[SESSION].null_count() < len(self.lines)

    def why_never(self) -> str | None:
        """Why the column orders nothing at all."""
        known = self.lines[self.column].drop_nulls()
        if known.n_unique() < 2:
            return "all its cells are equal, so it orders nothing"
        if bool((known != known.round()).any()):
            return "named as an order, but its numbers have fractions"
        dependence = measure_dependence(
            self.lines.lazy(),
            value=pl.col(self.column),
            item=pl.col(ITEM),
            user=pl.col(USER),
            time=None,
        )
        if (dependence.item or 0) >= _BELONGS_TO_ENTITY:
            return "named as an order, but it depends on the item"
        if (dependence.user or 0) >= _BELONGS_TO_ENTITY:
            return "named as an order, but it depends on the user"
        return None

    def why_not_of_user(self) -> str | None:
        """Why the column does not number all events, or all orders, of each user."""
        lines, number = self.lines, self.column
        if self._has_time:
            agrees = _agreement(lines, [USER], number)
            if agrees is not None:
                return None if agrees >= _MOST else "named as an order, but it contradicts the time"
        n = distinct(lines, [USER, number])
        if lines[number].n_unique() >= _MOST * len(lines) and _counts_lines(lines[number]):
            return None
        if not _goes_up_by_one(lines, [USER], number):
            return "named as an order, but its numbers do not go up one by one within a user"
        if n >= _MOST * len(lines):
            return None
        if self._has_session:
            sessions = distinct(lines, [USER, SESSION])
            is_of_session = distinct(lines, [USER, SESSION, number]) <= sessions / _MOST
            if is_of_session and n >= _MOST * sessions:
                return None
        elif column_names.normalized_name(self.name) in _NUMBER_OF_ORDERS:
            return None
        return "named as an order, but its numbers come again within a user"

    def why_not_within(self, keys: list[str]) -> str | None:
        """Why the column does not number the lines that agree in the columns `keys`."""
        tied = self.lines.filter(pl.len().over(keys) > 1)
        if tied.is_empty():
            return "named as an order, but there are no ties"
        if distinct(tied, [*keys, self.column]) < _MOST * len(tied):
            return "named as an order, but its numbers come again among the lines it would order"
        if not _goes_up_by_one(tied, keys, self.column):
            return "named as an order, but its numbers do not go up one by one"
        if self._has_time and self._has_session:
            agrees = _agreement(self.lines, [USER, SESSION], self.column)
            if agrees is not None and agrees < _MOST:
                return "named as an order, but it contradicts the time"
        return None


def _agreement(lines: pl.DataFrame, group: list[str], number: str) -> float | None:
    """The share of steps in time within a group whose number does not fall; None without steps."""
    steps = (
        lines.drop_nulls(number)
        .sort([*group, TIME, number])
        .select(
            same=pl.all_horizontal(pl.col(c).eq_missing(pl.col(c).shift()) for c in group),
            later=pl.col(TIME) > pl.col(TIME).shift(),
            step=pl.col(number) - pl.col(number).shift(),
        )
        .filter(pl.col("same") & pl.col("later"))
    )
    if steps.is_empty():
        return None
    return len(steps.filter(pl.col("step") >= 0)) / len(steps)


def _goes_up_by_one(lines: pl.DataFrame, group: list[str], number: str) -> bool:
    """Whether the sorted distinct numbers within a group mostly differ by one."""
    steps = (
        lines.select(*group, number)
        .drop_nulls(number)
        .unique()
        .sort([*group, number])
        .select(
            same=pl.all_horizontal(pl.col(c).eq_missing(pl.col(c).shift()) for c in group),
            step=pl.col(number) - pl.col(number).shift(),
        )
        .filter(pl.col("same"))
    )
    return len(steps) > 0 and (steps["step"] == 1).sum() >= _STEPS_OF_ONE * len(steps)


def _counts_lines(numbers: pl.Series) -> bool:
    known = numbers.drop_nulls().sort()
    return (known.diff().drop_nulls() == 1).sum() >= _STEPS_OF_ONE * len(known)
