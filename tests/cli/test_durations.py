"""Times on the command line."""

import pytest

from m6rec_cli.cli.durations import parse_duration
from m6rec_cli.system.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("45s", 45),
        ("90m", 5400),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5h", 5400),
        ("1h1m1s", 3661),
    ],
)
def test_parse_duration_reads_hours_minutes_and_seconds(text: str | None, seconds: float | None):
    assert parse_duration(text, "--max-time") == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2d", "-2h", "0s", "30m1h", "two hours"])
def test_parse_duration_of_anything_else_is_an_error(text: str):
    with pytest.raises(UsageError, match=r"`--max-time` takes a time with its units, not `.*`"):
        parse_duration(text, "--max-time")
