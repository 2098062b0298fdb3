"""Evaluated runs to groups that differ in their seed alone."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from m6rec_cli.config import resolve as configuration
from m6rec_cli.evaluation.systems import SystemSpec
from m6rec_cli.system.run_manifest import CONFIG, read_run


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one stage, configuration and data, with different `train.seed`.

    Attributes:
        runs: Their names on the command line, at least two.
        seeds: The seed of each.
    """

    runs: tuple[str, ...]
    seeds: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name in tables."""
        n = len(self.runs) - 1
        return f"{self.runs[0]} and {n} other seed{'s' if n > 1 else ''}"


def find_seed_groups(systems: Sequence[SystemSpec]) -> list[SeedGroup]:
    """The groups of at least two runs, in order; runs with the seed of another one are left out."""
    groups: dict[object, dict[int, str]] = {}
    runs = [system for system in systems if system.kind == "run"]
    if len(runs) < 2:
        return []
    for system in runs:
        manifest = read_run(Path(system.name))
        config = configuration.resolve(file=Path(system.name) / CONFIG)
        seed = config.train.seed
        without_seed = dataclasses.replace(config.train, seed=0)
        same = dataclasses.replace(config, train=without_seed)
        key = (manifest.stage, tuple(sorted(manifest.data_fingerprints)), repr(same))
        groups.setdefault(key, {}).setdefault(seed, system.name)
    return [
        SeedGroup(tuple(runs.values()), tuple(runs)) for runs in groups.values() if len(runs) > 1
    ]
