"""Text for a terminal: names in short."""

import pytest

from m6rec_cli.system.shown_text import shortened, shortened_apart


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
