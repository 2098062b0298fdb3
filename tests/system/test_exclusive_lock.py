"""The lock of an output: one writer at a time, free when its holder dies."""

import errno
import fcntl
from pathlib import Path

import pytest

from m6rec_cli.system.directories import atomic_directory
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.locks import exclusive_lock
from m6rec_cli.system.progress import SilentReporter
from tests.system.outputs import data_directory, names_in, running, said

LOCK_HOLDER = """
import sys
from pathlib import Path
from m6rec_cli.system.locks import exclusive_lock
with exclusive_lock(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.readline()
"""


def test_exclusive_lock_is_refused_until_it_is_released(tmp_path: Path):
    with exclusive_lock(tmp_path / "run"):
        with (
            pytest.raises(M6RecError, match="another m6rec process writes") as caught,
            exclusive_lock(tmp_path / "run"),
        ):
            raise AssertionError("the block is not entered")
        assert caught.value.where == str(tmp_path / "run")
        assert caught.value.hint == "wait until it has ended, or choose another directory"
        with exclusive_lock(tmp_path / "other"):
            pass
    with exclusive_lock(tmp_path / "run") as is_locked:
        assert is_locked
    assert names_in(tmp_path) == []


def test_exclusive_lock_of_a_killed_process_is_free(tmp_path: Path):
    with running(LOCK_HOLDER, tmp_path / "run") as holder:
        assert said(holder) == "locked"
        with (
            pytest.raises(M6RecError, match="another m6rec process writes"),
            exclusive_lock(tmp_path / "run"),
        ):
            raise AssertionError("the block is not entered")
    with exclusive_lock(tmp_path / "run") as is_locked:
        assert is_locked
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_exclusive_lock_on_a_file_system_without_locks_lets_work_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    def no_locks(*args: object, **kwargs: object) -> None:
        raise OSError(number, "the file system has no locks")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    unfinished = data_directory(tmp_path / ".run.writing-12")
    report = SilentReporter()
    with exclusive_lock(tmp_path / "run", report) as is_locked:
        assert not is_locked
    assert "has no locks" in report.warnings[0]
    assert names_in(tmp_path) == [".run.writing-12"]
    assert unfinished.exists(), "another process may be writing it"


def test_exclusive_lock_keeps_a_replaced_directory_while_it_is_the_only_copy(tmp_path: Path):
    old = data_directory(tmp_path / ".out.old-12")
    with exclusive_lock(tmp_path / "out"):
        assert old.exists()
    with atomic_directory(tmp_path / "out", kind="data") as work:
        (work / "x").touch()
    with exclusive_lock(tmp_path / "out"):
        pass
    assert names_in(tmp_path) == ["out"]
