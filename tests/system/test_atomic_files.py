"""Files of `system/directories.py`: complete or absent; JSON that reads back as it was written."""

from pathlib import Path

import pytest

from m6rec_cli.system.directories import atomic_file, read_json, write_json
from m6rec_cli.system.errors import M6RecError
from tests.system.outputs import names_in


def test_atomic_file_appears_when_the_block_ends_and_keeps_its_suffixes(tmp_path: Path):
    with atomic_file(tmp_path / "recs.csv.gz") as work:
        assert work.suffixes == [".csv", ".gz"]
        work.write_text("1")
        assert not (tmp_path / "recs.csv.gz").exists()
    assert names_in(tmp_path) == ["recs.csv.gz"]


def test_atomic_file_after_an_error_keeps_the_old_one(tmp_path: Path):
    (tmp_path / "f").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / "f", overwrite=True) as work:
        work.write_text("new")
        raise ZeroDivisionError
    assert (tmp_path / "f").read_text() == "old"
    assert names_in(tmp_path) == ["f"]


def test_atomic_file_that_exists_needs_overwrite(tmp_path: Path):
    (tmp_path / "f").write_text("old")
    with (
        pytest.raises(M6RecError, match="the output exists") as caught,
        atomic_file(tmp_path / "f"),
    ):
        raise AssertionError("the block is not entered")
    assert caught.value.hint == "pass `--overwrite` to replace it"


def test_atomic_file_in_place_of_a_directory_is_refused(tmp_path: Path):
    with (
        pytest.raises(M6RecError, match="a directory where a file is wanted") as caught,
        atomic_file(tmp_path, overwrite=True),
    ):
        raise AssertionError("the block is not entered")
    assert caught.value.hint == "name a file"


def test_write_json_reads_back_with_its_key_order_and_its_characters(tmp_path: Path):
    value = {"b": [1, 2.5, None, True], "a": "größer ✓"}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json", "a file") == value
    assert list(read_json(tmp_path / "x.json", "a file")) == ["b", "a"]
    assert "größer ✓" in (tmp_path / "x.json").read_text(encoding="utf-8")


def test_write_json_of_nan_raises_and_writes_nothing(tmp_path: Path):
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert names_in(tmp_path) == []


def test_read_json_of_a_missing_file_names_it(tmp_path: Path):
    with pytest.raises(M6RecError, match="the run's manifest is missing") as caught:
        read_json(tmp_path / "run.json", "the run's manifest")
    assert caught.value.where == str(tmp_path / "run.json")
    assert caught.value.hint == "was the command that writes it interrupted?"


@pytest.mark.parametrize("content", [b'{"a": ', b"", b"\xff\xfe\x00"])
def test_read_json_of_a_damaged_file_names_it(tmp_path: Path, content: bytes):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(M6RecError, match="the run's manifest is damaged") as caught:
        read_json(tmp_path / "run.json", "the run's manifest")
    assert caught.value.hint == "create the directory again"
