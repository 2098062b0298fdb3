from pathlib import Path

import pytest

from m6rec_cli.system import registry
from m6rec_cli.system.errors import M6RecError

PARTS = (
    "model.decoders",
    "model.encoders",
    "model.generators",
    "evaluation.metrics",
    "evaluation.baselines",
)


@pytest.mark.parametrize("part", PARTS)
def test_names_of_a_part_are_its_files(part: str):
    found = registry.names(part)
    assert found
    assert list(found) == sorted(found)
    assert not any(name.startswith("_") for name in found)


def test_names_of_decoders_are_the_documented_cells():
    assert {"mingru", "gru", "lstm", "lru"} <= set(registry.names("model.decoders"))


def test_load_gives_the_module_of_that_name():
    assert (
        registry.load("evaluation.baselines", "popularity").__name__
        == "m6rec_cli.evaluation.baselines.popularity"
    )


def test_load_of_an_unknown_name_names_the_nearest():
    with pytest.raises(M6RecError, match="unknown decoder `mingur`") as caught:
        registry.load("model.decoders", "mingur")
    assert caught.value.hint == "did you mean `mingru`?"


@pytest.mark.parametrize("name", ["../errors", "_bag", "os", "model.layers", ""])
def test_load_never_leaves_the_part_folder(name: str):
    with pytest.raises(M6RecError, match="unknown encoder"):
        registry.load("model.encoders", name)


def test_a_new_file_in_a_part_folder_is_a_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "tools").mkdir()
    for name in ("saw", "_helper", "__init__"):
        (tmp_path / "tools" / f"{name}.py").touch()
    (tmp_path / "tools" / "notes.txt").touch()
    monkeypatch.setattr(registry, "_ROOT", tmp_path)
    registry.names.cache_clear()
    try:
        assert registry.names("tools") == ("saw",)
    finally:
        registry.names.cache_clear()
