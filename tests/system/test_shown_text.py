"""Text for a terminal: names and durations in short."""

import pytest

from m6rec_cli.system.shown_text import duration, shortened, shortened_apart


@pytest.mark.parametrize(
    ("name", "width", "short"),
    [("tuned", 5, "tuned"), ("runs/tuned", 6, "…tuned"), ("runs/tuned", 10, "runs/tuned")],
)
def test_shortened_keeps_the_end_of_a_name(name: str, width: int, short: str):
    assert shortened(name, width) == short


def test_shortened_apart_keeps_different_names_different():
    assert shortened_apart(["a/x/tuned", "b/x/tuned"], 6) == {
        "a/x/tuned": "a/x…ed",
        "b/x/tuned": "b/x…ed",
    }
    assert shortened_apart(["run/a/1/run", "run/b/1/run"], 4) == {
        "run/a/1/run": "…a/1/run",
        "run/b/1/run": "…b/1/run",
    }
    assert shortened_apart(["runs/a/tuned", "runs/b/tuned", "runs/b/tuned"], 8) == {
        "runs/a/tuned": "…a/tuned",
        "runs/b/tuned": "…b/tuned",
    }
    assert shortened_apart([], 6) == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (0.4, "0.4 s"),
        (0.97, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (11_460, "3 h 11 min"),
    ],
)
def test_duration_is_said_as_a_person_does(seconds: float, text: str):
    assert duration(seconds) == text
