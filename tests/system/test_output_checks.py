"""Outputs that commands refuse to write, before they begin to work."""

import json
import os
from pathlib import Path

import pytest

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.output_checks import (
    Kind,
    check_output_file,
    kind_of,
    refuse_input_as_output,
    refuse_nonempty,
    require_writable,
)


def data_directory(path: Path) -> Path:
    path.mkdir()
    (path / "users.parquet").touch()
    (path / "manifest.json").touch()
    return path


def test_require_writable_leaves_no_file_behind(tmp_path: Path):
    require_writable(tmp_path / "new" / "out")
    assert list((tmp_path / "new").iterdir()) == []


def test_require_writable_below_a_file_raises(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        require_writable(tmp_path / "file" / "out")


def test_refuse_nonempty_accepts_absent_and_empty_directories(tmp_path: Path):
    refuse_nonempty(tmp_path / "new", overwrite=False, kind="data")
    refuse_nonempty(tmp_path, overwrite=False, kind="data")


def test_refuse_nonempty_without_overwrite_names_the_directory_and_the_ways_out(tmp_path: Path):
    out = data_directory(tmp_path / "out")
    with pytest.raises(M6RecError, match="the output directory is not empty") as caught:
        refuse_nonempty(out, overwrite=False, also=" or `--resume`", kind="data")
    assert caught.value.where == str(out)
    assert caught.value.hint == "choose another `--out`, or pass `--overwrite` or `--resume`"


def test_refuse_nonempty_with_overwrite_refuses_foreign_files(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(
        M6RecError, match="holds files that m6rec did not write, so `--overwrite` refuses it"
    ):
        refuse_nonempty(tmp_path, overwrite=True, kind="data")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


NAMES = {
    "data": ["manifest.json", "users.parquet", "events"],
    "run": ["run.json", "origin.json", "config.toml", "steps"],
    "report": ["report.json", "report.html", "config.toml"],
    "state": ["state.json", "000001"],
    "search": ["search.json", "trials.csv", "trials"],
}
KEYS = {
    "manifest.json": "format",
    "run.json": "format",
    "state.json": "format",
    "search.json": "space",
}


def directory_of(kind: str, path: Path) -> Path:
    """A directory of a kind, by its names."""
    path.mkdir()
    for name in NAMES[kind]:
        key = KEYS.get(name, "stage" if name == "origin.json" else "manifest")
        if "." in name:
            (path / name).write_text(json.dumps({key: 1}))
        else:
            (path / name).mkdir()
    return path


@pytest.mark.parametrize("written", ["data", "run", "report"])
@pytest.mark.parametrize("found", NAMES)
def test_refuse_nonempty_with_overwrite_replaces_the_same_kind_only(
    tmp_path: Path, found: str, written: Kind
):
    out = directory_of(found, tmp_path / "out")
    assert kind_of(out) == found
    if found == written:
        refuse_nonempty(out, kind=written, overwrite=True)
        return
    with pytest.raises(M6RecError, match="replaces only a directory of the same kind") as caught:
        refuse_nonempty(out, kind=written, overwrite=True)
    assert caught.value.where == str(out)


def test_refuse_nonempty_with_overwrite_accepts_a_run_that_has_only_begun(tmp_path: Path):
    (tmp_path / "origin.json").write_text('{"stage": "pretrain"}')
    (tmp_path / ".writing-12-metrics.jsonl").touch()
    refuse_nonempty(tmp_path, kind="run", overwrite=True)


@pytest.mark.parametrize("content", ['{"name": "my app"}', "[]", "", "{" * 100_000])
def test_refuse_nonempty_with_overwrite_refuses_the_manifest_of_somebody_else(
    tmp_path: Path, content: str
):
    (tmp_path / "manifest.json").write_text(content)
    (tmp_path / "media").mkdir()
    with pytest.raises(M6RecError, match="holds files that m6rec did not write"):
        refuse_nonempty(tmp_path, kind="data", overwrite=True)
    (tmp_path / "users.parquet").touch()  # ours, with a damaged manifest
    refuse_nonempty(tmp_path, kind="data", overwrite=True)


def test_refuse_nonempty_with_overwrite_names_a_foreign_file_beside_ours(tmp_path: Path):
    out = directory_of("data", tmp_path / "out")
    (out / "notes.md").write_text("why")
    with pytest.raises(M6RecError, match="holds files that m6rec did not write") as caught:
        refuse_nonempty(out, kind="data", overwrite=True)
    assert caught.value.where == str(out / "notes.md")


@pytest.mark.parametrize("kind", NAMES)
def test_check_output_file_refuses_the_files_of_our_directories(tmp_path: Path, kind: str):
    out = directory_of(kind, tmp_path / "out")
    folder = next((out / n for n in NAMES[kind] if (out / n).is_dir()), out)
    part = folder / "part.json"
    part.touch()
    if kind == "report":  # `evaluate --out report/report.json` replaces what it wrote
        check_output_file(out / "report.json", overwrite=True)
        return
    for path in (part, out / NAMES[kind][0]):
        with pytest.raises(M6RecError, match="the output is a file of a"):
            check_output_file(path, overwrite=True)
    (out / "mine.csv").touch()
    if kind != "state":
        check_output_file(out / "mine.csv", overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_refuse_nonempty_refuses_a_file(tmp_path: Path, overwrite: bool):
    (tmp_path / "out").touch()
    with pytest.raises(M6RecError, match="the output is a file where a directory is wanted"):
        refuse_nonempty(tmp_path / "out", overwrite=overwrite, kind="data")


def test_refuse_nonempty_refuses_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for out in (Path(), tmp_path):
        with pytest.raises(M6RecError, match="the output is the working directory") as caught:
            refuse_nonempty(out, overwrite=True, kind="data")
        assert caught.value.hint == "name a directory within it"


def test_refuse_nonempty_refuses_a_mount_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Renaming a directory over it fails with EBUSY, after all the work."""
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == tmp_path)
    with pytest.raises(M6RecError, match="the output is a mount point"):
        refuse_nonempty(tmp_path, overwrite=False, kind="data")


def test_refuse_input_as_output_accepts_an_output_beside_or_within_an_input(tmp_path: Path):
    (tmp_path / "data").mkdir()
    refuse_input_as_output(tmp_path / "out", [tmp_path / "data"])
    refuse_input_as_output(tmp_path / "data" / "out", [tmp_path / "data"])


def test_refuse_input_as_output_refuses_an_input_and_its_parent_folder(tmp_path: Path):
    (tmp_path / "data").mkdir()
    for out in (tmp_path / "data", tmp_path / "data" / ".." / "data", tmp_path):
        with pytest.raises(M6RecError, match="the output would replace the input"):
            refuse_input_as_output(out, [tmp_path / "other", tmp_path / "data"])
