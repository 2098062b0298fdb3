"""What is known of the trials of a search."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from m6rec_cli.config.keys import Value

Settings = Mapping[str, Value]
"""Values of the searched keys."""
State = Literal["finished", "stopped", "failed", "unfinished"]
"""Of a trial: trained to its end; given up early; values that are not finite; under way, or
interrupted."""


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """What is known of a trial.

    Attributes:
        settings: Values of the searched keys.
        ndcg: The best validation NDCG@10 of its epochs; None before the first.
        epochs: Epochs that were trained.
        best_epoch: The epoch of `ndcg`.
        seconds: Of the whole trial, with compilation.
    """

    number: int
    state: State
    settings: Settings
    ndcg: float | None
    epochs: int
    best_epoch: int
    seconds: float


def best_of(records: list[TrialRecord]) -> TrialRecord | None:
    """The finished trial with the highest figure, of equal ones the first; None if none is."""
    finished = [r for r in records if r.state == "finished" and r.ndcg is not None]
    return max(finished, key=lambda r: r.ndcg or 0.0, default=None)
