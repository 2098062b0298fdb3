"""Temporary folders: gone at the end, and after a kill with the next command."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from m6rec_cli.system import temporary
from m6rec_cli.system.temporary import temporary_folder
from tests.cli.shell import ENVIRONMENT


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_folder_is_private_and_gone_at_the_end(parent: Path):
    with temporary_folder() as folder:
        assert folder.parent == parent
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "deep").mkdir()
        (folder / "deep" / "log.csv").write_text("user,item\n")
    with pytest.raises(KeyError), temporary_folder():
        raise KeyError
    assert list(parent.iterdir()) == []


def test_folder_of_a_killed_process_is_removed_by_the_next_one_and_that_of_a_living_one_stays(
    parent: Path,
):
    script = (
        "import sys, time\n"
        "from m6rec_cli.system.temporary import temporary_folder\n"
        "with temporary_folder() as folder:\n"
        "    (folder / 'log.csv').write_text('x')\n"
        "    print(folder, flush=True)\n"
        "    time.sleep(60)\n"
    )
    env = ENVIRONMENT | {"TMPDIR": str(parent)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        try:
            with temporary_folder():
                assert (folder / "log.csv").exists()
        finally:
            process.send_signal(signal.SIGKILL)
    assert (folder / "log.csv").exists()
    with temporary_folder():
        assert not folder.exists()


def test_folders_of_others_and_links_are_left_alone(
    parent: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
):
    theirs = parent / "m6rec-tables-theirs"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for folder in (theirs, elsewhere):
        folder.mkdir(exist_ok=True)
        (folder / ".lock").touch()
    link = parent / "m6rec-tables-link"
    link.symlink_to(elsewhere)
    unlocked = parent / "m6rec-tables-new"  # as one that its process has not locked yet
    unlocked.mkdir()
    me = os.getuid()
    with monkeypatch.context() as patch:
        patch.setattr(temporary.os, "getuid", lambda: me + 1)
        temporary._remove_dead_folders(parent)
    assert theirs.exists()
    temporary._remove_dead_folders(parent)
    assert not theirs.exists()
    assert link.is_symlink()
    assert unlocked.exists()
    assert (elsewhere / ".lock").exists()
