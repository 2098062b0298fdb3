"""Helpers of the output tests: a complete data directory, and processes that wait to be killed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def data_directory(path: Path) -> Path:
    """A complete directory, as `m6rec preprocess` leaves it."""
    path.mkdir(parents=True)
    (path / "users.parquet").write_text("old")
    (path / "manifest.json").write_text("{}")
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def running(code: str, *args: Path | str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that is killed at the end of the block if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """The next line that the process prints; it then blocks on its standard input."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
