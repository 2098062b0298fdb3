"""The lock of an output: one writer at a time, free when its holder dies."""

import errno
from pathlib import Path

import filelock
import pytest

from m6rec_cli.system.directories import atomic_directory, exclusive_lock
from m6rec_cli.system.errors import M6RecError
from tests.system.outputs import data_directory, names_in, running, said

LOCK_HOLDER = """
import sys
from pathlib import Path
from m6rec_cli.system.directories import exclusive_lock
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

    monkeypatch.setattr(filelock.FileLock, "acquire", no_locks)
    unfinished = data_directory(tmp_path / ".run.writing-12")
    with exclusive_lock(tmp_path / "run") as is_locked:
        assert not is_locked
    assert unfinished.exists(), "another process may be writing it"


def test_exclusive_lock_keeps_a_replaced_directory_while_it_is_the_only_copy(tmp_path: Path):
    old = data_directory(tmp_path / ".out.old-12")
    with exclusive_lock(tmp_path / "out"):
        assert old.exists()
    with atomic_directory(tmp_path / "out") as work:
        (work / "x").touch()
    with exclusive_lock(tmp_path / "out"):
        pass
    assert names_in(tmp_path) == ["out"]
