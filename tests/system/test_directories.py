"""Directories that are complete or absent, also when the writing process is killed."""

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from m6rec_cli.system.directories import atomic_directory
from m6rec_cli.system.errors import M6RecError
from tests.system.outputs import data_directory, names_in, running, said


def test_atomic_directory_appears_when_the_block_ends(tmp_path: Path):
    out = tmp_path / "a" / "out"
    with atomic_directory(out, kind="data") as work:
        (work / "part").mkdir()
        (work / "part" / "x").write_text("1")
        assert not out.exists()
    assert (out / "part" / "x").read_text() == "1"
    assert names_in(out.parent) == ["out"]


def test_atomic_directory_after_an_error_leaves_nothing(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), atomic_directory(tmp_path / "out", kind="data") as work:
        (work / "x").touch()
        raise ZeroDivisionError
    assert names_in(tmp_path) == []


def test_atomic_directory_after_an_error_keeps_the_old_one(tmp_path: Path):
    out = data_directory(tmp_path / "out")
    with (
        pytest.raises(ZeroDivisionError),
        atomic_directory(out, overwrite=True, kind="data") as work,
    ):
        (work / "users.parquet").write_text("new")
        raise ZeroDivisionError
    assert (out / "users.parquet").read_text() == "old"
    assert names_in(tmp_path) == ["out"]


def test_atomic_directory_replaces_the_whole_old_one(tmp_path: Path):
    out = data_directory(tmp_path / "out")
    with atomic_directory(out, overwrite=True, kind="data") as work:
        (work / "items.parquet").write_text("new")
    assert names_in(out) == ["items.parquet"]
    assert names_in(tmp_path) == ["out"]


def test_atomic_directory_without_overwrite_keeps_the_old_one(tmp_path: Path):
    out = data_directory(tmp_path / "out")
    with (
        pytest.raises(M6RecError, match="the output directory is not empty"),
        atomic_directory(out, kind="data"),
    ):
        raise AssertionError("the block is not entered")
    assert (out / "users.parquet").read_text() == "old"
    assert names_in(tmp_path) == ["out"]


def test_atomic_directory_is_refused_while_another_writes_it(tmp_path: Path):
    with atomic_directory(tmp_path / "out", kind="data") as work:
        (work / "x").touch()
        with (
            pytest.raises(M6RecError, match="another m6rec process writes"),
            atomic_directory(tmp_path / "out", kind="data"),
        ):
            raise AssertionError("the block is not entered")
    assert names_in(tmp_path) == ["out"]


def test_atomic_directory_at_a_symbolic_link_replaces_its_target(tmp_path: Path):
    data_directory(tmp_path / "disk" / "data")
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "data")
    with atomic_directory(tmp_path / "link", overwrite=True, kind="data") as work:
        (work / "x").touch()
    assert (tmp_path / "link").is_symlink()
    assert names_in(tmp_path / "disk" / "data") == ["x"]
    assert (names_in(tmp_path), names_in(tmp_path / "disk")) == (["disk", "link"], ["data"])


DENIED = """
import os, sys
from pathlib import Path
from m6rec_cli.system.directories import atomic_directory

if os.geteuid() == 0:  # root may write everywhere
    os.setgid(65534)
    os.setuid(65534)
try:
    with atomic_directory(Path(sys.argv[1]) / "out", kind="data"):
        print("entered")
except PermissionError as error:
    print(error.filename)
"""


def test_atomic_directory_without_permission_raises_the_system_error():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        Path(folder).chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", DENIED, folder], capture_output=True, text=True, timeout=60
        )
        assert list(Path(folder).iterdir()) == []
        Path(folder).chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(folder)


def test_atomic_directory_below_a_file_raises_the_system_error_and_keeps_the_file(tmp_path: Path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError), atomic_directory(tmp_path / "file" / "out", kind="data"):
        raise AssertionError("the block is not entered")
    assert (tmp_path / "file").read_text() == "kept"


# --- a killed writer ---

WRITER = """
import sys
from pathlib import Path
from m6rec_cli.system.directories import atomic_directory, write_json

def pause(line):
    print(line, flush=True)
    sys.stdin.readline()

with atomic_directory(Path(sys.argv[1]), overwrite=True, kind="data") as work:
    (work / "events").mkdir()
    for i in range(40):
        (work / "events" / f"part-{i}.txt").write_text("new" * 1000)
        if i == 20:
            pause("half")
    write_json(work / "manifest.json", {"parts": 40})
    pause("all")
pause("renamed")
"""


def kill_writer(out: Path, *, when: str) -> None:
    """Run the writer and kill it when it has written `half` or `all` files, or has `renamed`."""
    with running(WRITER, out) as writer:
        assert writer.stdin is not None
        while (line := said(writer)) != when:
            assert line, "the writer has ended"
            writer.stdin.write("\n")
            writer.stdin.flush()
        writer.kill()
        assert writer.wait(30) == -signal.SIGKILL


@pytest.mark.parametrize("when", ["half", "all"])
def test_atomic_directory_of_a_killed_writer_does_not_exist(tmp_path: Path, when: str):
    kill_writer(tmp_path / "out", when=when)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("when", ["half", "all"])
def test_atomic_directory_of_a_killed_writer_is_the_old_one(tmp_path: Path, when: str):
    out = data_directory(tmp_path / "out")
    kill_writer(out, when=when)
    assert names_in(out) == ["manifest.json", "users.parquet"]
    assert (out / "users.parquet").read_text() == "old"


def test_atomic_directory_of_a_writer_killed_after_the_rename_is_the_new_one(tmp_path: Path):
    out = data_directory(tmp_path / "out")
    kill_writer(out, when="renamed")
    assert json.loads((out / "manifest.json").read_text()) == {"parts": 40}
    assert len(list((out / "events").glob("part-*.txt"))) == 40


def test_atomic_directory_after_a_killed_writer_removes_what_it_left(tmp_path: Path):
    kill_writer(tmp_path / "out", when="half")
    assert any(name.startswith(".out.writing-") for name in names_in(tmp_path))
    with atomic_directory(tmp_path / "out", kind="data") as work:
        (work / "x").touch()
    assert names_in(tmp_path) == ["out"]
    assert names_in(tmp_path / "out") == ["x"]
