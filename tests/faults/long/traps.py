"""Files that set traps: pipes, devices, programs, bombs, paths out of the folder.

A trap is survived if the command ends with exit code 0 or 1, in ten minutes at most on a busy
machine, and no trap was sprung.
"""

import gzip
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from m6rec_cli.data.store import Dataset
from tests.cli.shell import ENVIRONMENT
from tests.faults.long.table import Row, row_of
from tests.faults.test_media import huge_png, picture
from tests.preprocessing.readers.zstd import zstd_bomb
from tests.stages.shop import write_shop

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n%%EOF\n"


def rows() -> Iterator[Row]:
    """A row of pictures, a row of tables."""
    with tempfile.TemporaryDirectory() as root:
        yield row_of("pictures that set traps", list(_pictures(Path(root))))
        yield row_of("tables that set traps", list(_tables(Path(root))))


def _pictures(root: Path) -> Iterator[str]:
    """Each trap stands for the picture of one item, which has to be masked."""
    tables = write_shop(root / "shop")
    folder = root / "shop" / "pics"
    ran, secret = root / "ran", picture(root / "secret.png")
    (root / "bin").mkdir()
    (root / "bin" / "gs").write_text(f"#!/bin/sh\ntouch {ran}\n")
    (root / "bin" / "gs").chmod(0o755)
    for k in range(8):
        (folder / f"{k}.png").unlink()
    os.mkfifo(folder / "0.png")
    (folder / "1.png").symlink_to("/dev/zero")
    (folder / "2.png").write_bytes(POSTSCRIPT)
    head = huge_png(64)
    side = (50_000).to_bytes(4, "big")
    (folder / "3.png").write_bytes(head[:16] + side + side + head[24:])
    (folder / "4.png").mkdir()
    (folder / "5.png").symlink_to(folder / "5.png")
    items = tables["items"].read_text()
    items = items.replace("pics/6.png", "../secret.png").replace("pics/7.png", str(secret))
    tables["items"].write_text(items)
    code, _ = _preprocess(root, tables, path=f"{root / 'bin'}:{os.environ['PATH']}")
    if code:
        yield f"bug: exit {code}"
        return
    data = Dataset.open(root / "out")
    (spec,) = (s for s in data.specs if s.kind == "image")
    mask = data.feature(spec).mask
    ids = data.items["id"].to_list()
    for k in range(8):
        yield "silent" if mask[ids.index(f"i{k}")] or ran.exists() else "refused"
    yield "harmless" if np.count_nonzero(mask) else "silent"


def _tables(root: Path) -> Iterator[str]:
    tables = write_shop(root / "other")
    os.mkfifo(root / "pipe.csv")
    (root / "zero.csv").symlink_to("/dev/zero")
    (root / "loop.csv").symlink_to(root / "loop.csv")
    (root / "folder.csv").mkdir()
    (root / "deep.json").write_text("[" * 1_000_000)
    names = ["pipe.csv", "zero.csv", "loop.csv", "folder.csv", "deep.json", *_bombs(root)]
    for name in names:
        code, said = _preprocess(root, {**tables, "interactions": root / name})
        yield "refused" if code == 1 and name in said else f"bug: exit {code}: {said}"


def _bombs(root: Path) -> Iterator[str]:
    """Small files that expand to a line, a quoted cell and a table that nobody can hold."""
    head, line = b"user_id,item_id\nu1,", b"x" * 63 + b"\n"
    for name, first, rest in (
        ("line.csv.gz", head, b"x" * (1 << 20)),
        ("cell.csv.gz", head + b'"', line * (1 << 14)),
    ):
        with gzip.open(root / name, "wb", compresslevel=1) as file:
            file.write(first)
            for _ in range(2500):
                file.write(rest)
        yield name
    (root / "table.csv.zst").write_bytes(zstd_bomb(1 << 38))
    yield "table.csv.zst"
    with (root / "sparse.csv").open("wb") as sparse:
        sparse.write(head)
        sparse.truncate(2_500_000_000)
    yield "sparse.csv"


def _preprocess(
    root: Path, tables: dict[str, Path], path: str = os.environ["PATH"]
) -> tuple[int, str]:
    command = [sys.executable, "-m", "m6rec_cli", "preprocess", "--out", str(root / "out")]
    for name, file in tables.items():
        command += [f"--{name}", str(file)]
    done = subprocess.run(
        [*command, "--overwrite"],
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, "PATH": path},
        timeout=600,
    )
    return done.returncode, done.stderr
