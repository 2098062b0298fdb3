"""Progress in one line: the pace since the first step, and what fits a width."""

import time

import pytest

from m6rec_cli.cli.pace import Pace, fitting


def test_pace_is_unknown_before_the_second_step(monkeypatch: pytest.MonkeyPatch):
    clock = iter([100.0, 102.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    pace = Pace(1000, "users")
    assert pace.advance(600) == 100
    assert (pace.rate, pace.seconds_left) == (None, None)
    pace.advance(100)
    assert (pace.rate, pace.seconds_left) == (50, 6)
    assert pace.parts({"loss": 0.5, "none": None}) == [
        "700/1,000 users",
        "6 s left",
        "50/s",
        "loss 0.5000",
    ]


def test_pace_without_a_total_counts(monkeypatch: pytest.MonkeyPatch):
    clock = iter([100.0, 101.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    pace = Pace(None, "")
    for _ in range(2):
        pace.advance(2)
    assert pace.parts({}) == ["4", "2.0/s"]
    assert pace.seconds_left is None


@pytest.mark.parametrize(
    ("width", "line"),
    [(40, "700 users  6 s left  50/s"), (24, "700 users  6 s left"), (18, "700 users"), (5, "")],
)
def test_fitting_leaves_out_what_has_no_room_and_cuts_nothing(width: int, line: str):
    assert fitting(["700 users", "6 s left", "50/s"], width) == line
