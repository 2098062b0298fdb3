"""Locks that are taken and removed all the time: there is never more than one holder."""

import os
import subprocess
import sys
from pathlib import Path

from m6rec_cli.system.locks import lock_file
from m6rec_cli.system.work_files import remove_dead_files, work_file
from tests.faults import kill_points
from tests.system.outputs import names_in

CONTEND = """
import os, sys, time
from pathlib import Path
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.locks import exclusive_lock

out, inside, held = Path(sys.argv[1]), Path(sys.argv[2]), 0
end = time.monotonic() + 1.5
while time.monotonic() < end:
    try:
        with exclusive_lock(out):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails if another is inside
            inside.unlink()
            held += 1
    except M6RecError:
        pass
print(held)
"""


def test_exclusive_lock_has_one_holder_while_others_take_and_remove_it(tmp_path: Path):
    command = [sys.executable, "-c", CONTEND, str(tmp_path / "out"), str(tmp_path / "inside")]
    many = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ends = [process.communicate(timeout=60) for process in many]
    assert [error for _, error in ends] == [""] * 4
    assert all(int(held) > 0 for held, _ in ends)
    assert names_in(tmp_path) == []


WRITE_FILE = """
import sys
from pathlib import Path
from m6rec_cli.system.directories import atomic_file
from m6rec_cli.system.work_files import parts_folder

with atomic_file(Path(sys.argv[1]), overwrite=True) as work:
    parts_folder(work).mkdir()
    (parts_folder(work) / "0.arrow").write_text("half")
    work.write_text("new")
"""


def test_file_of_a_killed_writer_is_the_old_or_the_new_one_and_its_rest_is_removed(tmp_path: Path):
    out, n, seen = tmp_path / "lists" / "recs.csv", 0, []
    out.parent.mkdir()
    while True:
        n += 1
        out.write_text("old")
        done = kill_points.run(WRITE_FILE, out.parent, n, out)
        seen.append(out.read_text())
        remove_dead_files(out.parent)
        assert names_in(out.parent) == ["recs.csv"]
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
    assert set(seen) == {"old", "new"}
    assert seen == sorted(seen, reverse=True)


def test_remove_dead_files_keeps_those_of_living_writers_and_of_others(tmp_path: Path):
    (tmp_path / ".writing-notes").touch()
    with work_file(tmp_path / "out.csv") as work:
        work.write_text("half")
        remove_dead_files(tmp_path)
        assert work.read_text() == "half"
    fd = lock_file(tmp_path / ".writing-1-x")
    assert names_in(tmp_path) == [".writing-1-x", ".writing-notes"]
    remove_dead_files(tmp_path)
    assert (tmp_path / ".writing-1-x").exists(), "this process holds its lock"
    os.close(fd)
    remove_dead_files(tmp_path)
    assert names_in(tmp_path) == [".writing-notes"]
