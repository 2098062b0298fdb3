"""What every function of this wing does around a stage: messages, settings, paths."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from m6rec_cli.cli import console
from m6rec_cli.system.progress import Reporter

PathName: TypeAlias = str | PathLike[str]
Settings: TypeAlias = Mapping[str, object]
"""Configuration keys with their values, as `--set` takes them: `{"train.epochs": 3}`."""


@contextmanager
def reporting(*, quiet: bool) -> Iterator[Reporter]:
    """Yield the reporter of a command: messages go to stderr; `quiet` leaves warnings."""
    report = console.reporter(quiet=quiet)
    try:
        yield report
    finally:
        report.close()


def as_sets(settings: Settings | None) -> list[str]:
    """Settings as the words after `--set`; JSON of numbers, texts and lists is TOML, too."""
    return [f"{key}={json.dumps(value)}" for key, value in (settings or {}).items()]


def optional_path(name: PathName | None) -> Path | None:
    """A path, or None."""
    return None if name is None else Path(name)


def optional_name(name: PathName | None) -> str | None:
    """A path or an address as text, or None."""
    return None if name is None else str(name)
