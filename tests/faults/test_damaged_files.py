"""Every file of a data directory, a run and a state, damaged, is refused by its name."""

import shutil
from pathlib import Path

import pytest

from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import user_states
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.run_manifest import read_run as manifest_of
from m6rec_cli.system.sealed_files import ReplacedError
from tests.faults import readers
from tests.faults.damage import Damage, damage_each_file
from tests.inference.test_user_states import sample_states
from tests.inference.trained import shop
from tests.worlds import mixed, planted_cycle

__all__ = ["shop"]


def lost(found: list[Damage]) -> list[Damage]:
    """Damage that was neither refused by name nor harmless."""
    return [damage for damage in found if damage.outcome not in ("refused", "harmless")]


def test_damage_of_every_data_file_is_refused_by_name(tmp_path: Path):
    folder = mixed(tmp_path / "data").path
    files = readers.files_of(folder)
    found = list(damage_each_file(folder, files, lambda: readers.read_data(folder)))
    assert len(found) >= 50
    assert not lost(found)
    assert {damage.outcome for damage in found if "/" in damage.file} == {"refused"}


def test_damage_of_every_state_file_is_refused_by_name(tmp_path: Path):
    folder = tmp_path / "state"
    user_states.write_states(folder, sample_states(9), "run")
    files = readers.files_of(folder)
    found = list(damage_each_file(folder, files, lambda: readers.read_state(folder)))
    assert len(found) > 30
    assert not lost(found)


@pytest.mark.slow
def test_damage_of_every_run_file_is_refused_by_name(tmp_path: Path, shop):
    """Each file is damaged in one way; the long form, `run_all.py`, takes all ways."""
    folder = tmp_path / "run"
    shutil.copytree(shop.run, folder)
    files = readers.files_of_run(folder, step=manifest_of(folder).best.step)
    found = list(damage_each_file(folder, files, lambda: readers.read_run(folder), ways_per_file=1))
    assert len(found) > 25
    assert not lost(found)


def test_event_file_that_was_added_is_refused_by_name(tmp_path: Path):
    folder = mixed(tmp_path / "d").path
    part = next((folder / "events").iterdir())
    shutil.copy(part, folder / "events" / "part-00009.parquet")
    with pytest.raises(M6RecError, match="has a file that does not belong to it") as error:
        Dataset.open(folder)
    assert str(error.value.where).endswith("part-00009.parquet")


def test_data_directory_that_is_replaced_while_it_is_read_is_never_mixed(tmp_path: Path):
    first = mixed(tmp_path / "d").path
    data = Dataset.open(first)
    assert len(data.users)
    other = planted_cycle(tmp_path / "e").path
    first.rename(tmp_path / "old")
    other.rename(first)
    with pytest.raises(ReplacedError, match="was replaced or removed while it was read"):
        assert len(data.events)
