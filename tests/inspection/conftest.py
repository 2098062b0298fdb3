"""Small outputs that lie beside each other."""

from pathlib import Path

import pytest

from tests.inspection.outputs import write_data_directory, write_run_directory


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data_directory(tmp_path)


@pytest.fixture
def run(data: Path) -> Path:
    return write_run_directory(data.parent / "run", data=data)
