"""The contract of every file of `preprocessing/sources/`, and addresses that none claims."""

from pathlib import Path

import pytest

from m6rec_cli.preprocessing.local_copies import (
    address_of,
    folder_of,
    local_tables,
    original_of,
)
from m6rec_cli.preprocessing.sources._base import SOURCES
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.preprocessing.sources.opening import FRAME, read, refusal


@pytest.mark.parametrize("name", SOURCES.names())
def test_source_alone_claims_its_form(name: str) -> None:
    form = SOURCES.load(name).FORM
    assert [n for n in SOURCES.names() if SOURCES.load(n).claims(form)] == [name]


@pytest.mark.parametrize("address", ["events.csv", "/a/b c/*.parquet", "log?.csv", "C:/x.csv"])
def test_plain_paths_are_left_alone(address: str) -> None:
    with local_tables([address], address, None, SilentReporter()) as local:
        assert local.interactions == (Path(address),)
        assert local.items == Path(address)
        assert address_of(Path(address)) == address
        assert original_of(Path(address)) == Path(address)
        assert folder_of(Path(address)) == Path(address).parent


def test_unknown_scheme_is_an_error_that_lists_the_known_forms() -> None:
    error = refusal("ftp://host/events.csv")
    assert "`ftp://` is no place that tables can be read from" in error.what
    assert error.where == "ftp://host/events.csv"
    assert "s3://bucket" in str(error.hint)
    assert "sqlite:///" in str(error.hint)


def test_copies_are_removed_and_errors_name_the_address(tmp_path: Path) -> None:
    FRAME.write_excel(tmp_path / "a b.xlsx")
    address = str(tmp_path / "a b.xlsx")
    report = SilentReporter()
    with pytest.raises(M6RecError) as error, local_tables([address], None, None, report) as local:
        (copy,) = local.interactions
        assert address_of(copy) == address
        assert original_of(copy) == tmp_path / "a b.xlsx"
        assert folder_of(copy) == tmp_path
        raise M6RecError("wrong", where=f"{copy}, row 1")
    assert error.value.where == f"{address}, row 1"
    assert not copy.exists()
    assert address_of(copy) == str(copy)


def test_paths_with_spaces_and_question_marks_are_read(tmp_path: Path) -> None:
    (tmp_path / "my log?.csv").write_text(FRAME.write_csv())
    assert read(tmp_path / "my log?.csv").rows() == FRAME.rows()
