"""Tables that are emptied or grow while they are read."""

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing.local_copies import local_tables
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter

CHANGES: dict[str, Callable[[Path], object]] = {
    "emptied": lambda file: file.write_text(""),
    "grown": lambda file: file.write_text(file.read_text() + "u2,i2\n"),
    "removed": lambda file: file.unlink(),
    "replaced": lambda file: shutil.copy(file, f"{file}.new") and Path(f"{file}.new").rename(file),
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "events.csv"
    file.write_text("user_id,item_id\nu1,i1\n")
    return file


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("fault", [pl.exceptions.PanicException("JoinError"), IndexError("bounds")])
def test_fault_of_a_library_after_a_change_names_the_table(
    log: Path, change: str, fault: BaseException
):
    with (
        pytest.raises(M6RecError, match="a table was changed while it was read") as caught,
        local_tables([str(log)], None, None, SilentReporter()),
    ):
        CHANGES[change](log)
        raise fault
    assert str(log) in (caught.value.where or "")
    assert caught.value.__cause__ is fault


@pytest.mark.parametrize("change", CHANGES)
def test_change_without_a_fault_is_a_warning(log: Path, change: str):
    report = SilentReporter()
    with local_tables([str(log)], None, None, report):
        CHANGES[change](log)
    assert f"{log}" in report.warnings[0]
    assert "was changed while it was read" in report.warnings[0]


def test_fault_without_a_change_is_raised_as_it_is(log: Path):
    report = SilentReporter()
    with pytest.raises(IndexError, match="bounds"), local_tables([str(log)], None, None, report):
        raise IndexError("bounds")
    with local_tables([str(log)], str(log), None, report):
        pass
    assert not report.warnings
