"""A small search that several tests look at: its data, settings and space."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.search_space import parse_space
from m6rec_cli.stages import tune
from m6rec_cli.system.progress import Reporter, SilentReporter, Summary
from tests.small import SMALL

SPACE = """
[train]
learning_rate = {low = 0.001, high = 0.2, log = true}
loss.tail_exponent = [0.0, 0.5]
"""
"""Keys that need no other programs: compiling takes most of the time of a small trial."""
SETS = [*SMALL, "train.epochs=2"]


@dataclass(frozen=True)
class Search:
    """A call of the stage."""

    data: Path
    out: Path
    space: str = SPACE

    def run(self, report: Reporter | None = None, **options: Any) -> Summary:
        """Search; by default three trials."""
        options = {"max_trials": 3} | options
        config = configuration.resolve("pretrain", sets=SETS + options.pop("sets", []))
        space = parse_space(options.pop("space", self.space), "the test")
        return tune.run(config, space, [self.data], self.out, report or SilentReporter(), **options)

    def to(self, out: Path, data: Path | None = None) -> "Search":
        """The same search with another output."""
        return replace(self, out=out, data=data or self.data)


def rows(out: Path) -> list[dict[str, str]]:
    """The lines of `trials.csv`."""
    with (out / "trials.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def untimed(out: Path) -> list[dict[str, str]]:
    """The lines of `trials.csv` without durations."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows(out)]
