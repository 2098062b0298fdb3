"""Outputs that commands refuse to write, before they begin to work."""

import os
from pathlib import Path

import pytest

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.output_checks import (
    refuse_input_as_output,
    refuse_nonempty,
    require_writable,
)

MARKERS = ["manifest.json", "run.json", "origin.json", "report.json"]


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
    refuse_nonempty(tmp_path / "new", overwrite=False)
    refuse_nonempty(tmp_path, overwrite=False)


def test_refuse_nonempty_without_overwrite_names_the_directory_and_the_ways_out(tmp_path: Path):
    out = data_directory(tmp_path / "out")
    with pytest.raises(M6RecError, match="the output directory is not empty") as caught:
        refuse_nonempty(out, overwrite=False, also=" or `--resume`")
    assert caught.value.where == str(out)
    assert caught.value.hint == "choose another `--out`, or pass `--overwrite` or `--resume`"


def test_refuse_nonempty_with_overwrite_refuses_foreign_files(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(
        M6RecError, match="holds files that m6rec did not write, so `--overwrite` refuses it"
    ):
        refuse_nonempty(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("marker", MARKERS)
def test_refuse_nonempty_with_overwrite_names_a_foreign_file_beside_ours(
    tmp_path: Path, marker: str
):
    (tmp_path / marker).touch()
    (tmp_path / "notes.md").write_text("why")
    with pytest.raises(M6RecError, match="holds files that m6rec did not write") as caught:
        refuse_nonempty(tmp_path, overwrite=True)
    assert caught.value.where == str(tmp_path / "notes.md")


@pytest.mark.parametrize("marker", MARKERS)
def test_refuse_nonempty_with_overwrite_accepts_our_own_directory(tmp_path: Path, marker: str):
    (tmp_path / marker).touch()
    refuse_nonempty(tmp_path, overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_refuse_nonempty_refuses_a_file(tmp_path: Path, overwrite: bool):
    (tmp_path / "out").touch()
    with pytest.raises(M6RecError, match="the output is a file where a directory is wanted"):
        refuse_nonempty(tmp_path / "out", overwrite=overwrite)


def test_refuse_nonempty_refuses_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for out in (Path(), tmp_path):
        with pytest.raises(M6RecError, match="the output is the working directory") as caught:
            refuse_nonempty(out, overwrite=True)
        assert caught.value.hint == "name a directory within it"


def test_refuse_nonempty_refuses_a_mount_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Renaming a directory over it fails with EBUSY, after all the work."""
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == tmp_path)
    with pytest.raises(M6RecError, match="the output is a mount point"):
        refuse_nonempty(tmp_path, overwrite=False)


def test_refuse_input_as_output_accepts_an_output_beside_or_within_an_input(tmp_path: Path):
    (tmp_path / "data").mkdir()
    refuse_input_as_output(tmp_path / "out", [tmp_path / "data"])
    refuse_input_as_output(tmp_path / "data" / "out", [tmp_path / "data"])


def test_refuse_input_as_output_refuses_an_input_and_its_parent_folder(tmp_path: Path):
    (tmp_path / "data").mkdir()
    for out in (tmp_path / "data", tmp_path / "data" / ".." / "data", tmp_path):
        with pytest.raises(M6RecError, match="the output would replace the input"):
            refuse_input_as_output(out, [tmp_path / "other", tmp_path / "data"])
