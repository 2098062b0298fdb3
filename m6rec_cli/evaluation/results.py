"""What the evaluation of a system yields: the ranks of the targets and the top of every list."""

from dataclasses import dataclass
from typing import Literal

from m6rec_cli.evaluation.metrics._base import RankedLists, Ranks

ViewName = Literal["masked", "unmasked"]
"""Ranked lists without or with the items that the user has seen."""
VIEWS: tuple[ViewName, ...] = ("masked", "unmasked")
SystemKind = Literal["run", "recs", "baseline"]
"""A trained run, a file of ranked lists (`--recs`) or a baseline."""


@dataclass(frozen=True)
class View:
    """Ranks and lists of one system, either with or without the masked items."""

    ranks: Ranks
    lists: RankedLists


@dataclass(frozen=True, kw_only=True)
class SystemResult:
    """Ranks and lists of one system for an `EvaluationTask`.

    Attributes:
        name: As on the command line.
        masked: Without the items of `EvaluationTask.masked_items`.
        unmasked: All items compete.
    """

    name: str
    kind: SystemKind
    masked: View
    unmasked: View

    def view(self, name: ViewName) -> View:
        """One of the two views."""
        return self.masked if name == "masked" else self.unmasked
