"""Outputs compared with their digests: whole ones, and each damaged file by name."""

from pathlib import Path

import pytest

from m6rec_cli.inspection.inspector import inspect
from m6rec_cli.system.directories import read_json, write_json

GOLDEN = Path(__file__).parents[1] / "golden" / "directories"


def test_whole_outputs_have_all_their_digests(run: Path):
    # Without `run.json` and `metrics.jsonl`; without `manifest.json`.
    for path, left_out in ((run, 2), (run.parent / "data", 1)):
        found = inspect(path, verify=True)
        assert found.problems == ()
        assert found.checked == found.files - left_out


@pytest.mark.parametrize("damage", ["bit", "removed"])
def test_damaged_checkpoint_is_named(run: Path, damage: str):
    file = run / "steps" / "4" / "params"
    if damage == "bit":
        file.write_text("Parameters")
    else:
        file.unlink()
    (problem,) = inspect(run, verify=True).problems or ()
    assert problem.startswith(str(file))


@pytest.mark.parametrize("damage", ["bit", "removed", "added"])
def test_damaged_data_directory_is_found(data: Path, damage: str):
    file = data / "users.parquet"
    if damage == "bit":
        content = bytearray(file.read_bytes())
        content[50] ^= 1
        file.write_bytes(content)
    elif damage == "removed":
        file.unlink()
    else:
        (data / "features" / "more.json").write_text("")
    (problem,) = inspect(data, verify=True).problems or ()
    assert (
        problem
        == {
            "bit": f"{file}: its digest is not the recorded one",
            "removed": f"{file}: missing",
            "added": f"{data / 'features' / 'more.json'}: it does not belong to the output",
        }[damage]
    )


@pytest.mark.parametrize("name", ["run.json", "origin.json", "steps/4.json"])
def test_manifest_that_was_changed_is_named(run: Path, name: str):
    tree = read_json(run / name, "")
    write_json(run / name, tree | {"stage": "finetune"})
    problems = inspect(run, verify=True).problems or ()
    assert f"{run / name}: it was changed after it was written" in problems


@pytest.mark.parametrize("formats", sorted(p.parent.name for p in GOLDEN.glob("*/run")))
def test_outputs_of_every_format_are_described_and_whole(formats: str):
    found = [
        inspect(GOLDEN / formats / name, verify=True) for name in ("data", "run", "state", "report")
    ]
    assert [output.kind for output in found] == ["data", "run", "state", "report"]
    assert [output.problems for output in found] == [()] * 4
    assert all(output.checked > 1 for output in found[:3])
