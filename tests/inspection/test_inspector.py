"""Paths to descriptions: each kind of output, what is recorded, what is refused, damage."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from m6rec_cli.inspection.inspector import inspect
from m6rec_cli.inspection.pages import page_lines
from m6rec_cli.system.directories import read_json, write_json
from m6rec_cli.system.errors import M6RecError
from tests.inspection.outputs import (
    COMMAND,
    CREATED,
    write_report,
)


def refusal(path: Path) -> M6RecError:
    with pytest.raises(M6RecError) as caught:
        inspect(path)
    return caught.value


def test_data_directory_says_when_and_how_it_was_made(data: Path):
    found = inspect(data)
    assert (found.kind, found.created, found.command) == ("data", CREATED, COMMAND)
    assert (found.figures["users"], found.figures["items"]) == (12, 12)
    assert found.figures["events"] == 12 * 8
    files = [path for path in data.rglob("*") if path.is_file()]
    assert (found.files, found.bytes) == (len(files), sum(p.stat().st_size for p in files))
    assert found.problems is None


@pytest.mark.parametrize("name", ["manifest.json", "."])
def test_manifest_stands_for_its_directory(data: Path, name: str):
    assert inspect(data / name) == inspect(data)


def test_directory_of_an_older_version_has_no_date_and_is_described(data: Path):
    tree = read_json(data / "manifest.json", "")
    del tree["created"], tree["command"]
    write_json(data / "manifest.json", tree | {"format": 1})
    found = inspect(data)
    assert (found.created, found.command, found.format) == (None, None, 1)
    assert found.modified is not None
    assert found.modified.endswith("Z")


def test_run_has_the_figures_of_its_best_epoch_and_all_epochs(run: Path):
    found = inspect(run)
    assert (found.what, found.complete, found.created) == ("a pre-trained run", True, CREATED)
    assert (found.figures["ndcg@10"], found.figures["loss"]) == (0.25, 1.0)
    assert [epoch["epoch"] for epoch in found.to_json()["epochs"]] == [1, 2]
    (table,) = found.tables
    assert table.columns == ("epoch", "loss", "ndcg@10", ""), "`rec_loss` repeats the loss"
    assert [row[-1] for row in table.rows] == ["", "best"]


def test_unfinished_run_has_the_figures_of_its_last_epoch(run: Path):
    (run / "run.json").unlink()
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "epo')  # a line that is being written
    found = inspect(run)
    assert not found.complete
    assert found.figures["stage"] == "pretrain"
    assert (found.figures["epochs"], found.figures["ndcg@10"]) == (2, 0.25)


def test_report_directory_and_its_file_name_the_best_system(run: Path):
    report = write_report(run.parent / "report", {"run": 0.5, "popularity": 0.25})
    found = inspect(report)
    assert found.figures["best system"] == "run"
    assert found.figures["best ndcg@10"] == 0.5
    assert [i.role for i in found.inputs] == ["data", "run"]
    assert found.to_json()["systems"]["run"]["recall@10"] == 1.0
    alone = shutil.copy(report / "report.json", run.parent / "figures.json")
    assert inspect(Path(alone)).figures == found.figures


def test_state_directory_names_its_run(run: Path):
    folder = run.parent / "state"
    (folder / "000003").mkdir(parents=True)
    manifest = {
        "format": 2,
        "run": "d1",
        "run_path": "run",
        "generation": "000003",
        "users": 7,
        "profiles": 2,
        "sha256": {"users.parquet": "?"},
        "created": CREATED,
        "command": "m6rec recommend run --state state",
    }
    write_json(folder / "state.json", manifest)
    found = inspect(folder)
    assert found.figures == {"users": 7, "with a profile": 2, "updates": 3}
    assert [(i.role, i.path) for i in found.inputs] == [("run", "run")]
    problems = inspect(folder, verify=True).problems
    assert problems == (f"{folder / '000003' / 'users.parquet'}: missing",)


LISTS = [
    {"user_id": "u1", "item_id": "7", "rank": 1, "score": -1.0, "basis": "history"},
    {"user_id": "u1", "item_id": "8", "rank": 2, "score": -2.0, "basis": "history"},
    {"user_id": "02", "item_id": "7", "rank": 1, "score": -1.5, "basis": "profile"},
]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_file_of_lists_is_counted(tmp_path: Path, suffix: str):
    import polars as pl

    file = tmp_path / f"recs{suffix}"
    frame = pl.DataFrame(LISTS)
    if suffix == ".csv":
        frame.write_csv(file)
    elif suffix == ".jsonl":
        frame.write_ndjson(file)
    else:
        frame.write_parquet(file)
    found = inspect(file)
    assert found.figures == {
        "rows": 3,
        "users": 2,
        "items": 2,
        "longest list": 2,
        "users by history": 1,
        "users by profile": 1,
    }
    assert len(found.tables[0].rows) == 3
    assert inspect(file, verify=True).checked == 0, "lists have no digests"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_damaged_lists_are_refused_by_name(tmp_path: Path, suffix: str):
    import polars as pl

    file = tmp_path / f"recs{suffix}"
    frame = pl.DataFrame(LISTS * 400)
    if suffix == ".parquet":
        frame.write_parquet(file, compression="uncompressed")
        content = bytearray(file.read_bytes())
        content[4:200] = bytes(196)
    elif suffix == ".csv":
        content = frame.write_csv().encode().replace(b",2,", b",second,")
    else:
        content = frame.write_ndjson().encode() + b'{"user_id": "u1"'
    file.write_bytes(content)
    error = refusal(file)
    assert error.what.startswith("the lists cannot be read: ")
    assert error.where == str(file)


def test_missing_path_is_answered_with_the_nearest_name(data: Path):
    error = refusal(data.with_name("dat"))
    assert error.what == "there is no such file or directory"
    assert str(data) in str(error.hint)


@pytest.mark.parametrize("name", ["events.csv", "empty", "foreign.json", "damaged.parquet"])
def test_what_m6rec_did_not_write_is_refused(data: Path, name: str):
    folder = data.parent
    (folder / "empty").mkdir()
    (folder / "foreign.json").write_text('{"manifest": 1}')
    (folder / "damaged.parquet").write_text("PAR1")
    error = refusal(folder / name)
    assert error.what == "this is no output of m6rec"
    assert "`data`, `export`, `lists`, `report`, `run`, `search`, `state`" in str(error.hint)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[]", "null", '"run"'])
def test_damaged_manifest_is_refused_by_name(run: Path, text: str):
    (run / "run.json").write_text(text)
    error = refusal(run)
    assert error.what.startswith("the file is damaged")
    assert error.where == str(run / "run.json")


def changed(tree: object, depth: int = 4) -> Iterator[object]:
    """A JSON value with one of its values replaced by one of another type."""
    yield from (None, 7, "x", [1], {"a": 1})
    if depth and isinstance(tree, dict):
        for key, value in tree.items():
            yield from (tree | {key: other} for other in changed(value, depth - 1))
    elif depth and isinstance(tree, list):
        for n, value in enumerate(tree[:1]):
            yield from ([*tree[:n], other, *tree[n + 1 :]] for other in changed(value, depth - 1))


@pytest.mark.parametrize(
    "name", ["run/run.json", "run/origin.json", "data/manifest.json", "report/report.json"]
)
def test_manifest_with_other_types_is_described_as_far_as_it_goes(run: Path, name: str):
    write_report(run.parent / "report", {"run": 0.5, "popularity": 0.25})
    file = run.parent / name
    tree = json.loads(file.read_text())
    for other in changed({k: v for k, v in tree.items() if k not in ("config", "schema")}):
        if isinstance(other, dict):
            file.write_text(json.dumps(other))
            with contextlib.suppress(M6RecError):  # no output of m6rec any more, or damaged
                assert page_lines(inspect(file.parent))


def test_damaged_line_of_the_log_of_epochs_is_named(run: Path):
    (run / "metrics.jsonl").write_text("{}\n{\n{}\n")
    error = refusal(run)
    assert error.what.startswith("line 2 is damaged")
