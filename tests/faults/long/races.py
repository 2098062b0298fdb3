"""Readers and writers of one directory at a time: whole, never mixed, or refused in words."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from m6rec_cli.data.store import Dataset
from m6rec_cli.stages.evaluate import EvaluationRequest
from m6rec_cli.system.errors import M6RecError
from tests.cli.shell import ENVIRONMENT
from tests.faults.kill_points import ROOT
from tests.faults.long.table import Row, row_of
from tests.stages.evaluation import evaluate
from tests.stages.shop import write_shop
from tests.worlds import planted_cycle

READS, EVALUATIONS, PAIRS = 300, 40, 10
USERS = {"a": 24, "b": 60}
"""Data directories that take each other's place, by their number of users."""
REPLACE = """
import random, shutil, sys, time
from pathlib import Path
from m6rec_cli.system.directories import atomic_directory

seconds, (out, *sources) = float(sys.argv[1]), map(Path, sys.argv[2:])
while True:
    for source in sources:
        time.sleep(seconds * random.random())
        with atomic_directory(out, kind="data", overwrite=True) as work:
            shutil.copytree(source, work, dirs_exist_ok=True)
"""


def rows() -> Iterator[Row]:
    """A row of readers, of commands that read, and of writers."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "writers").mkdir()
        sizes = {
            planted_cycle(root / name, n_users=n).n_users for name, n in (("a", 24), ("b", 60))
        }
        with _replaced(root, seconds=0) as out:
            found = [_read(out, sizes) for _ in range(READS)]
        yield row_of("read while it is replaced all the time", found)
        figures = [_figures(root / name) for name in USERS]
        with _replaced(root, seconds=0.2) as out:
            found = [_evaluation(out, figures) for _ in range(EVALUATIONS)]
        yield row_of("evaluated while it is replaced now and then", found)
        yield row_of("two preprocess at a time to one output", list(_pairs(root / "writers")))


@contextmanager
def _replaced(root: Path, *, seconds: float) -> Iterator[Path]:
    """Yield a data directory that `a` and `b` replace in turn, in their own process.

    Args:
        seconds: The most that a directory stays.
    """
    out = root / f"out {seconds}"
    shutil.copytree(root / "a", out)
    words = [
        sys.executable,
        "-c",
        REPLACE,
        str(seconds),
        str(out),
        str(root / "a"),
        str(root / "b"),
    ]
    writer = subprocess.Popen(words, cwd=ROOT, env=ENVIRONMENT)
    first = out.stat().st_ino
    try:
        while out.stat().st_ino == first:
            time.sleep(0.01)
        yield out
    finally:
        writer.kill()
        writer.wait()


def _figures(data: Path) -> object:
    request = EvaluationRequest(baselines=("popularity", "itemknn"))
    return evaluate(data, request)["systems"]


def _evaluation(out: Path, figures: list[object]) -> str:
    try:
        return "harmless" if _figures(out) in figures else "silent"
    except M6RecError as error:
        return "refused" if str(out) in str(error) else f"without the name: {error}"
    except Exception as error:
        return f"bug: {error}"


def _read(out: Path, sizes: set[int]) -> str:
    try:
        data = Dataset.open(out)
        time.sleep(0.003)
        found = {data.n_users, len(data.users), int(data.events.user_row.max()) + 1}
    except M6RecError as error:
        return "refused" if str(out) in str(error) else f"without the name: {error}"
    except Exception as error:
        return f"bug: {error}"
    return "harmless" if len(found) == 1 and found <= sizes else "silent"


def _pairs(root: Path) -> Iterator[str]:
    """One of two writers wins, the other waits, replaces or says that the output is in use."""
    tables, out = write_shop(root / "shop"), root / "data"
    command = [sys.executable, "-m", "m6rec_cli", "preprocess", "--out", str(out), "--overwrite"]
    for name, file in tables.items():
        command += [f"--{name}", str(file)]
    for _ in range(PAIRS):
        pair = [
            subprocess.Popen(
                command,
                cwd=ROOT,
                env=ENVIRONMENT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(2)
        ]
        codes = sorted(process.wait() for process in pair)
        if codes not in ([0, 0], [0, 1]):
            yield f"bug: exit {codes}"
            continue
        Dataset.open(out)
        left = {path.name for path in root.iterdir()} - {"shop", "data"}
        yield f"left {left}" if left else "harmless"
