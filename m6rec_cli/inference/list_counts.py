"""Frames of lists to their counts, for the summary and the warnings of `recommend`."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from m6rec_cli.inference.user_histories import BASES, UserHistories
from m6rec_cli.system.progress import Reporter


@dataclass
class ListCounts:
    """Counts so far.

    Attributes:
        k: The length of a full list.
        short: Users whose list is shorter.
        items: The distinct items.
        basis: Users by what their lists rest on.
    """

    k: int
    users: int = 0
    rows: int = 0
    short: int = 0
    items: set[str] = field(default_factory=set)
    basis: Counter[str] = field(default_factory=Counter)

    def add(self, histories: UserHistories, chunk: np.ndarray, frame: pl.DataFrame) -> None:
        """Count the lists of a chunk of users."""
        self.users += len(chunk)
        self.rows += len(frame)
        self.short += len(chunk) - int((frame["rank"] == self.k).sum())
        self.items.update(frame["item_id"].unique())
        numbers = np.bincount(histories.basis(chunk), minlength=len(BASES))
        self.basis.update({name: n for name, n in zip(BASES, numbers.tolist(), strict=True) if n})

    def warn(self, report: Reporter) -> None:
        """Warn of short lists."""
        if self.short:
            report.warn(
                f"{self.short:,} users got fewer than {self.k} items: "
                "the catalogue and the filters left no more"
            )
