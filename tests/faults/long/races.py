"""Readers and writers of one directory at a time: whole, never mixed, or refused in words."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from m6rec_cli.data.store import Dataset
from m6rec_cli.system.errors import M6RecError
from tests.cli.shell import ENVIRONMENT
from tests.faults.kill_points import ROOT
from tests.faults.long.table import Row, row_of
from tests.stages.shop import write_shop
from tests.worlds import planted_cycle

READS, PAIRS = 300, 10
REPLACE = """
import shutil, sys
from pathlib import Path
from m6rec_cli.system.directories import atomic_directory

out, *sources = map(Path, sys.argv[1:])
while True:
    for source in sources:
        with atomic_directory(out, kind="data", overwrite=True) as work:
            shutil.copytree(source, work, dirs_exist_ok=True)
"""


def rows() -> Iterator[Row]:
    """A row of readers, a row of writers."""
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "writers").mkdir()
        yield row_of("read while it is replaced all the time", list(_reads(Path(root))))
        yield row_of("two preprocess at a time to one output", list(_pairs(Path(root) / "writers")))


def _reads(root: Path) -> Iterator[str]:
    """Read tables of two data directories that take each other's place; they go together."""
    sizes = {planted_cycle(root / name, n_users=n).n_users: n for name, n in (("a", 24), ("b", 60))}
    out = root / "out"
    planted_cycle(out, n_users=24)
    writer = subprocess.Popen(
        [sys.executable, "-c", REPLACE, *map(str, (out, root / "a", root / "b"))],
        cwd=ROOT,
        env=ENVIRONMENT,
    )
    try:
        for _ in range(READS):
            yield _read(out, set(sizes))
    finally:
        writer.kill()
        writer.wait()


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
