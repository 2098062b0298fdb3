"""Rows to clean rows, with a count and examples for every rule."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from m6rec_cli.preprocessing.tables import ROW

_EXAMPLES = 3


@dataclass
class Cleaning:
    """What every rule did: `rules` goes into the manifest and the report."""

    rules: list[dict[str, Any]] = field(default_factory=list)

    def dropped(self, rule: str, count: int, examples: list[str] | None = None) -> None:
        """Note that a rule took rows away (also when it found none)."""
        self.rules.append({"rule": rule, "dropped": int(count), "examples": _short(examples)})

    def changed(self, rule: str, count: int, examples: list[str] | None = None) -> None:
        """Note that a rule changed or masked cells."""
        self.rules.append({"rule": rule, "changed": int(count), "examples": _short(examples)})

    def keep(
        self, frame: pl.DataFrame, rule: str, keep: pl.Expr | pl.Series, show: str | None = None
    ) -> pl.DataFrame:
        """Rows where `keep` holds; `show` is the column whose values name the examples."""
        mask = (
            frame.select(keep.alias("keep"))["keep"] if isinstance(keep, pl.Expr) else keep
        ).fill_null(False)
        bad = frame.filter(~mask).head(_EXAMPLES)
        self.dropped(rule, len(mask) - int(mask.sum()), examples(bad, show))
        return frame.filter(mask)


def left_out(rule: dict[str, Any], total: int | None = None) -> str:
    """A rule of `Cleaning.rules` that took events away, in words."""
    first = f", first: {', '.join(rule['examples'])}" if rule["examples"] else ""
    of = "" if total is None else f" of {total:,}"
    return f"{rule['dropped']:,}{of} events are left out by the rule `{rule['rule']}`{first}"


def _short(found: list[str] | None) -> list[str]:
    return [text if len(text) <= 60 else text[:59] + "…" for text in found or []]


def examples(bad: pl.DataFrame, show: str | None) -> list[str]:
    """The first few rows in words: `B00X (row 812)`."""
    rows = bad.head(_EXAMPLES)
    numbers = rows[ROW].to_list() if ROW in rows.columns else [None] * len(rows)
    values = rows[show].cast(pl.String).to_list() if show else [None] * len(rows)
    return [
        " ".join(
            part
            for part in (str(v) if v is not None else "", f"(row {n})" if n is not None else "")
            if part
        )
        for v, n in zip(values, numbers, strict=True)
    ]


def k_core(
    users: np.ndarray,
    items: np.ndarray,
    min_user: int,
    min_item: int,
    keep: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Events that remain when users and items below their minimum are removed until none is left.

    Args:
        users: Row numbers, int (n,).
        items: Row numbers, int (n,).
        keep: bool (n,), the events that there are; None for all.

    Returns:
        bool (n,), the largest set in which every user has `min_user` and every item `min_item` events; and the rows of the
        users and of the items that had events and have none left, sorted.
    """
    keep = np.ones(len(users), bool) if keep is None else keep.copy()
    sides = ((users, min_user), (items, min_item))
    before = [
        np.bincount(rows) if keep.all() else np.bincount(rows, keep).astype(np.int64)
        for rows, _ in sides
    ]
    counts = [count.copy() for count in before]
    while any(
        ((count > 0) & (count < least)).any()
        for count, (_, least) in zip(counts, sides, strict=True)
    ):
        gone = keep & ~((counts[0] >= min_user)[users] & (counts[1] >= min_item)[items])
        keep &= ~gone
        for count, (rows, _) in zip(counts, sides, strict=True):
            count -= np.bincount(rows[gone], minlength=len(count))
    users_gone, items_gone = (
        np.flatnonzero((b > 0) & (c == 0)) for b, c in zip(before, counts, strict=True)
    )
    return keep, users_gone, items_gone


def bots(users: np.ndarray, timestamps: np.ndarray, max_per_day: int) -> np.ndarray:
    """Users with more than `max_per_day` events on any day (UTC).

    Args:
        users: Row numbers, int (n,).
        timestamps: Milliseconds, int64 (n,).

    Returns:
        The rows of these users, sorted.
    """
    frame = pl.DataFrame({"user": users, "day": timestamps // 86_400_000})
    busy = frame.group_by("user", "day").len().filter(pl.col("len") > max_per_day)
    return np.sort(busy["user"].unique().to_numpy())
