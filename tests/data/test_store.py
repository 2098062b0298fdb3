"""The data set: damaged files."""

from pathlib import Path

import pytest

from m6rec_cli.data.store import Dataset
from m6rec_cli.system.errors import M6RecError
from tests.worlds import mixed


@pytest.mark.parametrize("name", ["items.parquet", "media/item.embedding.npy"])
def test_dataset_with_a_missing_file_raises_an_error_with_its_path(
    tmp_path: Path, name: str
) -> None:
    data = mixed(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(M6RecError, match="a file of the data directory is missing") as error:
        _read_all(Dataset.open(data.path))
    assert error.value.where == str(tmp_path / name)


@pytest.mark.parametrize("name", ["items.parquet", "media/item.embedding.npy"])
def test_dataset_with_a_damaged_file_raises_an_error_with_its_path(
    tmp_path: Path, name: str
) -> None:
    data = mixed(tmp_path)
    (tmp_path / name).write_bytes(b"x" * 20)
    with pytest.raises(M6RecError, match="a file of the data directory is damaged") as error:
        _read_all(Dataset.open(data.path))
    assert error.value.where == str(tmp_path / name)


def _read_all(data: Dataset) -> None:
    for spec in data.specs:
        data.feature(spec)
