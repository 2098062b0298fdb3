"""A directory that is replaced: a kill at any moment leaves the old one or the new one, whole."""

from pathlib import Path

import pytest

from m6rec_cli.system import replacement
from m6rec_cli.system.directories import atomic_directory
from m6rec_cli.system.locks import exclusive_lock, wait_for_replacement
from tests.faults import kill_points
from tests.system.outputs import names_in

WRITE = """
import sys
from pathlib import Path
from m6rec_cli.system import replacement
from m6rec_cli.system.directories import atomic_directory

out, text, way = sys.argv[1:]
if way == "two renames":
    replacement._exchange = lambda a, b: False
with atomic_directory(Path(out), kind="data", overwrite=True) as work:
    for name in ("users.parquet", "items.parquet", "manifest.json"):
        (work / name).write_text(text)
"""


def content(out: Path) -> str:
    """What all files of the directory hold; fails if one is missing or they differ."""
    found = {(out / n).read_text() for n in ("users.parquet", "items.parquet", "manifest.json")}
    assert len(found) == 1
    return found.pop()


def write(out: Path, text: str) -> None:
    with atomic_directory(out, kind="data", overwrite=True) as work:
        for name in ("users.parquet", "items.parquet", "manifest.json"):
            (work / name).write_text(text)


@pytest.mark.parametrize("way", ["exchange", "two renames"])
def test_directory_replaced_by_a_killed_writer_is_the_old_or_the_new_one(tmp_path: Path, way: str):
    out, seen, n = tmp_path / "folder" / "out", [], 0
    while True:
        n += 1
        write(out, "old")
        done = kill_points.run(WRITE, out.parent, n, out, "new", way)
        wait_for_replacement(out)  # what every reader does first
        seen.append(content(out))
        with exclusive_lock(out):
            assert content(out) in ("new", seen[-1])
        assert names_in(out.parent) == ["out"], "the next command removes what the kill left"
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
    assert n > 10
    assert seen[0] == "old"
    assert seen[-1] == "new"
    assert seen == sorted(seen, reverse=True), "once the new one is in place, it stays"


def test_replacement_that_waits_is_not_done_twice(tmp_path: Path):
    """After an exchange the waiting name holds the old directory."""
    write(tmp_path / "out", "new")
    write(tmp_path / "old", "old")
    (tmp_path / "old").rename(tmp_path / f".out.new-{(tmp_path / 'out').stat().st_ino}")
    with exclusive_lock(tmp_path / "out"):
        assert content(tmp_path / "out") == "new"
    assert names_in(tmp_path) == ["out"]


def test_replacement_on_a_file_system_that_cannot_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(replacement, "_RENAME_EXCHANGE", 1 << 20)  # EINVAL, as on NFS
    for text in ("old", "new"):
        write(tmp_path / "out", text)
        assert content(tmp_path / "out") == text
    assert names_in(tmp_path) == ["out"]
