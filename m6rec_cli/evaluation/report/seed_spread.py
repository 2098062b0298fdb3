"""The figures of runs that differ in their seed to a mean and its two kinds of noise."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from m6rec_cli.evaluation.results import ViewName


@dataclass(frozen=True, kw_only=True)
class Spread:
    """One metric over seeds.

    Attributes:
        mean: Mean over the seeds; None if a run has no value.
        sd: Standard deviation over the seeds, with n - 1.
    """

    mean: float | None
    sd: float | None


@dataclass(frozen=True, kw_only=True)
class SeedSummary:
    """Runs that differ in their seed alone.

    Attributes:
        runs: Their names on the command line.
        masked: Spread of every metric over seeds.
        unmasked: The same with all items competing.
        intervals: By leading metric, the interval over users of the mean over seeds, in the view of
            the headline.
    """

    name: str
    runs: Sequence[str]
    seeds: Sequence[int]
    masked: dict[str, Spread]
    unmasked: dict[str, Spread]
    intervals: dict[str, list[float]]

    def view(self, name: ViewName) -> dict[str, Spread]:
        """The spread of a view."""
        return self.masked if name == "masked" else self.unmasked


def spread(figures: Sequence[Mapping[str, float | None]]) -> dict[str, Spread]:
    """Mean and standard deviation of every metric over the figures of at least two runs."""
    out = {}
    for name in figures[0]:
        values = [known for row in figures if (known := row[name]) is not None]
        if len(values) < len(figures):
            out[name] = Spread(mean=None, sd=None)
        else:
            out[name] = Spread(mean=statistics.mean(values), sd=statistics.stdev(values))
    return out
