"""Every file of a data directory and of a run, damaged in every way, is refused by its name."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from m6rec_cli.data.store import Dataset
from m6rec_cli.inference.loaded_run import load
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.run_manifest import read_run as manifest_of
from m6rec_cli.system.sealed_files import ReplacedError
from tests.faults.damage import kinds_of_damage, outcome
from tests.inference.trained import shop
from tests.worlds import mixed, planted_cycle

__all__ = ["shop"]


def read_data(folder: Path) -> None:
    """Read all that a data directory holds."""
    data = Dataset.open(folder)
    data.files.check(*data.files.names("features"))
    assert len(data.users) + len(data.items) + len(data.events)
    for spec in data.specs:
        data.feature(spec)


def read_run(folder: Path) -> None:
    """Read all that lists are made from."""
    run = load(folder)
    run.catalogue.content_counts()
    run.files.check("origin.json")


def load_step(folder: Path) -> int:
    """The best step of a run."""
    return manifest_of(folder).best.step


def files_of(folder: Path, leave_out: str = " ") -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(leave_out))


@pytest.mark.parametrize("kind", ["data", pytest.param("run", marks=pytest.mark.slow)])
def test_every_damage_of_every_file_is_refused_by_name(tmp_path, shop, kind):
    folder = tmp_path / "copy"
    if kind == "data":
        mixed(folder)
        read = read_data
    else:
        shutil.copytree(shop.run, folder)
        read = read_run
    read(folder)
    rng, wrong = np.random.default_rng(0), []
    for path in files_of(folder, "metrics.jsonl"):
        if "steps" in path.parts and str(load_step(folder)) not in (*path.parts, path.stem):
            continue  # the last step serves `--resume` alone
        for way in kinds_of_damage(path, b"{}", rng):
            found = outcome(lambda: read(folder), path, folder)
            is_white_space = way == "one bit" and found == "silent" and path.suffix == ".json"
            # A flip in the layout of a manifest changes no fact.
            if found != "refused" and not (is_white_space and path.parent == folder):
                wrong.append((path.relative_to(folder).as_posix(), way, found))
    assert not wrong
    read(folder)


def test_event_file_that_was_added_is_refused_by_name(tmp_path):
    folder = mixed(tmp_path / "d").path
    part = next((folder / "events").iterdir())
    shutil.copy(part, folder / "events" / "part-00009.parquet")
    with pytest.raises(M6RecError, match="has a file that does not belong to it") as error:
        Dataset.open(folder)
    assert str(error.value.where).endswith("part-00009.parquet")


def test_data_directory_that_is_replaced_while_it_is_read_is_never_mixed(tmp_path):
    first = mixed(tmp_path / "d").path
    data = Dataset.open(first)
    assert len(data.users)
    other = planted_cycle(tmp_path / "e").path
    first.rename(tmp_path / "old")
    other.rename(first)
    with pytest.raises(ReplacedError, match="was replaced or removed while it was read"):
        assert len(data.events)
