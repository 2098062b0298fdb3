"""`m6rec inspect`: JSON into a pipe, pages on a terminal, exit codes, no slow library."""

import json
import shlex
from pathlib import Path

import pytest

from tests.cli.shell import m6rec
from tests.inspection.outputs import write_data_directory, write_run_directory
from tests.test_floors import HEAVY, modules_loaded_by


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`data`, and the runs `a` and `b` on it."""
    folder = tmp_path_factory.mktemp("outputs")
    data = write_data_directory(folder)
    write_run_directory(folder / "a", data=data)
    write_run_directory(folder / "b", "model.dropout=0.5", data=data)
    return folder


def test_several_paths_into_a_pipe_are_one_json_line(folder: Path):
    done = m6rec("inspect", folder / "data", folder / "a", folder / "b")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    tree = json.loads(done.stdout)
    assert [output["kind"] for output in tree["outputs"]] == ["data", "run", "run"]
    assert tree["comparison"]["settings"] == ["model.dropout"]


def test_data_directory_has_the_command_that_wrote_it(tmp_path: Path):
    log = tmp_path / "events.csv"
    rows = [f"u{n % 4},i{n % 3},{1_600_000_000 + n}" for n in range(16)]
    log.write_text("user_id,item_id,timestamp\n" + "\n".join(rows) + "\n")
    words = ["preprocess", "--interactions", str(log), "--out", str(tmp_path / "d"), "-q"]
    assert m6rec(*words).returncode == 0
    (output,) = json.loads(m6rec("inspect", tmp_path / "d").stdout)["outputs"]
    assert output["command"] == shlex.join(["m6rec", *words])
    assert output["created"][:4] >= "2025"


def test_other_files_are_skipped_and_damaged_outputs_hide_nothing(folder: Path, tmp_path: Path):
    run = write_run_directory(tmp_path / "damaged")
    (run / "run.json").write_text("{")
    done = m6rec("inspect", folder / "events.csv", run, folder / "data")
    tree = json.loads(done.stdout)
    assert [output["kind"] for output in tree["outputs"]] == ["data"]
    assert tree["skipped"] == [str(folder / "events.csv")]
    assert tree["faults"][0]["path"] == str(run / "run.json")
    assert done.returncode == 1
    assert done.stderr.startswith("warning: 1 paths are no outputs of m6rec, first: ")
    assert "error: the file is damaged" in done.stderr


def test_damage_found_by_verify_exits_1_after_the_json(folder: Path, tmp_path: Path):
    run = write_run_directory(tmp_path / "run")
    (run / "steps" / "4" / "params").write_text("")
    done = m6rec("inspect", run, "--verify")
    assert done.returncode == 1
    (output,) = json.loads(done.stdout)["outputs"]
    assert len(output["problems"]) == 1
    assert "error: 1 file is damaged or missing" in done.stderr


def test_inspect_of_directories_loads_no_slow_library(folder: Path):
    args = ["inspect", str(folder / "data"), str(folder / "a")]
    loaded = {name.split(".")[0] for name in modules_loaded_by(args, "m6rec_cli.__main__")}
    assert not loaded & {*HEAVY, "rich"}
