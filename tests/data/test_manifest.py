"""The manifest of a data directory: round trip, and directories that are refused."""

from pathlib import Path

import pytest

from m6rec_cli.data.manifest import (
    CleaningRule,
    Counts,
    DataManifest,
    InputFile,
    hides_seen,
    read_manifest,
    write_manifest,
)
from m6rec_cli.system.errors import M6RecError
from tests.seals import write_resealed

MANIFEST = DataManifest(
    schema={"user": "u", "item": "i", "users_are_items": True},
    counts=Counts(users=2, items=3, events={"train": 4}, targets={"test": 1}),
    cleaning=[
        CleaningRule(rule="events: no item id", dropped=0),
        CleaningRule(rule="items: `price` missing, masked", changed=2, examples=["a", "b"]),
    ],
    split="temporal",
    positive="rating >= 4",
    event_kinds=("buy", "view"),
    has_time=True,
    ties=1,
    repeats=0.25,
    inputs=[InputFile(role="items", path="items.csv", bytes=7, sha256="ab")],
    config={"data.seed": 0},
    fingerprints=("cd",),
    created="2026-01-02T03:04:05Z",
    command="m6rec preprocess",
    files={"items.parquet": "ef"},
)


def test_read_manifest_restores_what_write_manifest_writes(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST)
    assert read_manifest(tmp_path) == MANIFEST
    assert MANIFEST.users_are_items


@pytest.mark.parametrize(
    ("seen", "repeats", "hides"),
    [
        ("auto", 0.0, True),
        ("auto", 0.1, True),
        ("auto", 0.11, False),
        ("drop", 0.9, True),
        ("keep", 0.0, False),
    ],
)
def test_hides_seen_follows_the_setting_and_then_the_share_of_repeats(
    seen: str, repeats: float, hides: bool
) -> None:
    assert hides_seen(seen, repeats) == hides


def test_read_manifest_of_a_missing_directory_raises(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="the data directory does not exist"):
        read_manifest(tmp_path / "data")


def test_read_manifest_of_another_directory_raises(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="this is not a data directory") as error:
        read_manifest(tmp_path)
    assert "m6rec preprocess" in str(error.value.hint)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "the data directory has format 99, this version reads 3"),
        ({"counts": {"users": 1}}, "the data directory's manifest is damaged: .*'items'"),
        ({"cleaning": ["x"]}, "the data directory's manifest is damaged: "),
        ({"event_kinds": None}, "the data directory's manifest is damaged: "),
    ],
)
def test_read_manifest_with_other_values_raises(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    write_resealed(tmp_path / "manifest.json", _tree() | change)
    with pytest.raises(M6RecError, match=message) as error:
        read_manifest(tmp_path)
    assert error.value.where == str(tmp_path / "manifest.json")


def test_read_manifest_without_a_key_names_it(tmp_path: Path) -> None:
    tree = _tree()
    del tree["split"]
    write_resealed(tmp_path / "manifest.json", tree)
    with pytest.raises(
        M6RecError, match="the data directory's manifest is damaged: no key 'split'"
    ):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["[]", "3", "null", "[" * 100_000, "{}", '{"format": 3}'])
def test_read_manifest_of_other_json_raises(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(M6RecError, match="the data directory's manifest is damaged"):
        read_manifest(tmp_path)


def test_read_manifest_with_a_changed_value_raises(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST)
    path = tmp_path / "manifest.json"
    path.write_text(path.read_text().replace('"ties": 1', '"ties": 3'))
    with pytest.raises(M6RecError, match="it was changed after it was written"):
        read_manifest(tmp_path)


def _tree() -> dict[str, object]:
    return {**MANIFEST.to_json(), "files": {}}
