"""The contract of every file of `preprocessing/readers/`."""

import pytest

from m6rec_cli.preprocessing.readers._base import READERS


@pytest.mark.parametrize("name", READERS.names())
def test_reader_defines_the_protocol(name: str) -> None:
    reader = READERS.load(name)
    assert reader.SUFFIXES
    assert all(s.startswith(".") and s == s.lower() for s in reader.SUFFIXES)
    assert "records" in reader.CONTENT
    assert isinstance(reader.IS_TEXT, bool)
    assert isinstance(reader.READS_FOLDERS, bool)
    assert callable(reader.scan)
    assert callable(reader.salvage)


def test_readers_have_different_suffixes() -> None:
    suffixes = [s for name in READERS.names() for s in READERS.load(name).SUFFIXES]
    assert len(set(suffixes)) == len(suffixes)
