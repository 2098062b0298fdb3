"""Inputs of an output as they are now: found, the same, changed or gone, down to raw files."""

import shutil
from pathlib import Path

import pytest

from m6rec_cli.inspection.description import all_inputs
from m6rec_cli.inspection.inspector import inspect
from m6rec_cli.system.directories import read_json, write_json
from tests.inspection.outputs import (
    write_data_directory,
    write_report,
    write_run_directory,
)


@pytest.fixture
def tuned(tmp_path: Path) -> Path:
    """A run whose parent and data lie beside it."""
    data = write_data_directory(tmp_path)
    parent = write_run_directory(tmp_path / "pretrained", data=data)
    return write_run_directory(tmp_path / "tuned", data=data, parent=parent)


def states(run: Path, *, verify: bool = False) -> list[tuple[int, str, str]]:
    found = inspect(run, verify=verify)
    return [(depth, i.role, i.state) for depth, i in all_inputs(found.inputs)]


def test_run_leads_to_the_raw_files_through_data_and_parent(tuned: Path):
    assert states(tuned) == [
        (0, "data", "same"),
        (1, "interactions", "same size"),
        (0, "parent", "same"),
        (1, "data", "same"),
        (2, "interactions", "same size"),
    ]
    assert states(tuned, verify=True)[1] == (1, "interactions", "same")


def test_inputs_of_a_moved_folder_are_found_beside_the_output(tuned: Path, tmp_path_factory):
    moved = tmp_path_factory.mktemp("elsewhere") / "all"
    shutil.move(tuned.parent, moved)
    assert {state for _, _, state in states(moved / "tuned", verify=True)} == {"same"}


def test_raw_file_that_changed_is_found_by_its_size_or_its_digest(tuned: Path):
    events = tuned.parent / "events.csv"
    events.write_text(events.read_text().upper())
    assert states(tuned)[1][2] == "same size"
    assert states(tuned, verify=True)[1][2] == "changed"
    events.write_text("")
    assert states(tuned)[1][2] == "changed"
    events.unlink()
    assert states(tuned)[1][2] == "missing"


def test_other_data_at_the_same_place_is_not_taken_for_the_input(tuned: Path):
    manifest = tuned.parent / "data" / "manifest.json"
    write_json(manifest, read_json(manifest, "") | {"fingerprints": ["other"]})
    assert states(tuned)[:3] == [
        (0, "data", "changed"),
        (0, "interactions", "same size"),  # as the run records them
        (0, "parent", "same"),
    ]
    shutil.rmtree(manifest.parent)
    assert states(tuned)[0] == (0, "data", "missing")


def test_run_whose_data_are_gone_still_leads_to_the_raw_files(tuned: Path):
    shutil.rmtree(tuned.parent / "data")
    shutil.rmtree(tuned.parent / "pretrained")
    assert states(tuned, verify=True) == [
        (0, "data", "missing"),
        (0, "interactions", "same"),
        (0, "parent", "missing"),
    ]


def test_parent_that_was_trained_again_is_changed(tuned: Path):
    manifest = tuned.parent / "pretrained" / "run.json"
    write_json(manifest, read_json(manifest, "") | {"steps": 99})
    assert states(tuned)[-1] == (0, "parent", "changed")
    manifest.write_text("{")
    assert states(tuned)[-1] == (0, "parent", "missing")


def test_run_that_names_itself_as_its_parent_ends(tuned: Path):
    manifest = tuned / "run.json"
    write_json(manifest, read_json(manifest, "") | {"parent": "tuned"})
    origin = read_json(tuned / "origin.json", "")
    write_json(tuned / "origin.json", origin | {"parent": {}})
    assert 10 < len(states(tuned)) < 100


def test_remote_table_cannot_be_compared(tuned: Path):
    manifest = tuned.parent / "data" / "manifest.json"
    remote = {"role": "items", "path": "s3://shop/items.csv", "bytes": None, "sha256": None}
    write_json(manifest, read_json(manifest, "") | {"inputs": [remote]})
    assert states(tuned)[1] == (1, "items", "not checked")


@pytest.mark.parametrize(("seal", "state"), [(None, "not checked"), ("", "same"), ("x", "changed")])
def test_run_of_a_report_is_told_by_its_seal(tuned: Path, seal: str | None, state: str):
    own = read_json(tuned / "run.json", "")["seal"]
    runs = {} if seal is None else {"tuned": seal or own}
    report = write_report(tuned.parent / "report", {"tuned": 0.5, "popularity": 0.1}, runs=runs)
    (found,) = [i for i in inspect(report).inputs if i.role == "run"]
    assert (found.state, bool(found.inputs)) == (state, state != "changed")
