"""Directories that this or an earlier version wrote: read as they were, or refused by format.

`tests/golden/directories/make.py` writes them.
"""

import re
import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from m6rec_cli.config.resolve import resolve
from m6rec_cli.data import manifest
from m6rec_cli.inference import user_states
from m6rec_cli.inspection.inspector import inspect
from m6rec_cli.stages import recommend
from m6rec_cli.system import run_manifest
from m6rec_cli.system.directories import read_json
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.faults import readers
from tests.stages.recommending import make_request

FOLDERS = sorted(
    path
    for path in (Path(__file__).parent.parent / "golden" / "directories").iterdir()
    if path.is_dir() and path.name.startswith("data")
)
CURRENT = (manifest.FORMAT, run_manifest.FORMAT, user_states.FORMAT)


def formats(folder: Path) -> tuple[int, ...]:
    """The formats of data directory, run and state."""
    return tuple(map(int, re.findall(r"\d+", folder.name)))


def test_directories_of_the_present_formats_are_kept():
    assert [formats(folder) for folder in FOLDERS].count(CURRENT) == 1


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_directories_are_read_or_refused_by_their_format(folder: Path):
    run_digest = read_json(folder / "run" / "run.json", "")["seal"]
    reads = (
        lambda: readers.read_data(folder / "data"),
        lambda: readers.read_run(folder / "run"),
        lambda: user_states.read_states(folder / "state", run_digest),
    )
    for read, found, current in zip(reads, formats(folder), CURRENT, strict=True):
        if found == current:
            assert read()
            continue
        with pytest.raises(M6RecError, match=f"has format {found}, this version reads {current}"):
            read()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_output_of_any_version_is_inspected(folder: Path):
    for name, kind in (("data", "data"), ("run", "run"), ("state", "state"), ("report", "report")):
        found = inspect(folder / name, verify=True)
        assert (found.kind, found.problems or ()) == (kind, ())
        assert found.command is not None
        assert found.command.startswith("m6rec ")


def test_run_and_state_of_the_present_formats_give_the_lists_of_their_time(tmp_path: Path):
    (folder,) = [folder for folder in FOLDERS if formats(folder) == CURRENT]
    expected = pl.read_csv(folder / "lists.csv")
    shutil.copytree(folder / "state", tmp_path / "state")
    found = {}
    for name, users in (
        ("run", {"interactions": folder / "events.csv", "profiles": folder / "users.csv"}),
        ("state", {"state": tmp_path / "state", "profiles": folder / "users.csv"}),
    ):
        recommend.run(
            resolve(sets=["recommend.k=3"]),
            make_request(folder / "run", **users),
            str(tmp_path / f"{name}.csv"),
            SilentReporter(),
        )
        found[name] = pl.read_csv(tmp_path / f"{name}.csv")
    for lists in found.values():
        assert_frame_equal(lists, expected, abs_tol=1e-4)
