"""Part folders: their choices, loading by name, errors for unknown names."""

from pathlib import Path

import pytest

from m6rec_cli.system import registry
from m6rec_cli.system.errors import M6RecError

PARTS = sorted(
    ".".join(file.parent.relative_to(registry.PACKAGE_FOLDER).parts)
    for file in registry.PACKAGE_FOLDER.rglob("_base.py")
)


def test_parts_are_at_least_the_documented_ones():
    assert {
        "model.decoders",
        "model.encoders",
        "model.generators",
        "evaluation.metrics",
        "evaluation.baselines",
        "preprocessing.readers",
        "preprocessing.features",
    } <= set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_names_of_a_part_folder_are_its_public_files(part: str):
    found = registry.names(part)
    assert found
    assert list(found) == sorted(found)
    assert not any(name.startswith("_") for name in found)


def test_names_of_decoders_include_the_documented_cells():
    assert {"mingru", "gru", "lstm", "lru"} <= set(registry.names("model.decoders"))


def test_load_returns_the_module_of_that_name():
    assert (
        registry.load("evaluation.baselines", "popularity").__name__
        == "m6rec_cli.evaluation.baselines.popularity"
    )


def test_load_of_an_unknown_name_suggests_the_nearest():
    with pytest.raises(M6RecError, match="unknown decoder `mingur`") as caught:
        registry.load("model.decoders", "mingur")
    assert caught.value.hint == "did you mean `mingru`?"


@pytest.mark.parametrize("name", ["../errors", "_bag", "os", "model.layers", ""])
def test_load_of_a_name_outside_the_folder_is_refused(name: str):
    with pytest.raises(M6RecError, match="unknown encoder"):
        registry.load("model.encoders", name)


def test_names_of_a_folder_with_a_new_file_include_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "tools").mkdir()
    for name in ("saw", "_helper", "__init__"):
        (tmp_path / "tools" / f"{name}.py").touch()
    (tmp_path / "tools" / "notes.txt").touch()
    monkeypatch.setattr(registry, "PACKAGE_FOLDER", tmp_path)
    registry.names.cache_clear()
    try:
        assert registry.names("tools") == ("saw",)
    finally:
        registry.names.cache_clear()
