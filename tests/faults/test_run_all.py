"""The long form: its rows, and a short run of one kind of fault."""

import pytest

from tests.faults.long import bad_inputs
from tests.faults.long.table import COLUMNS, row_of


def test_row_counts_what_survived_and_shows_the_rest(capsys: pytest.CaptureFixture[str]):
    found = ["refused", "harmless", "repeated", "silent", "bug: exit 3", "left a file"]
    row = row_of("a fault", found)
    assert tuple(row) == COLUMNS
    assert list(row.values()) == ["a fault", 6, 3, 3, 1, 1]
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "a fault: bug: exit 3",
        "a fault: left a file",
        "a fault: silent",
    ]


def test_damaged_tables_of_every_format_are_read_or_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bad_inputs, "TRIES", 3)
    rows = list(bad_inputs.rows())
    assert [(row["tried"], row["lost"]) for row in rows] == [(3, 0)] * 5
