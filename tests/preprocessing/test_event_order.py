"""The order of events, against a plain stable sort."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import event_order


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 300), st.sampled_from([1, 5, 2**62]))
def test_sort_events_equals_a_stable_sort_of_all_columns(seed: int, n: int, span: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "user_row": rng.integers(7, 16, n).astype(np.uint32),
            "timestamp": rng.integers(-span, span, n),
            "event": np.arange(n),
        }
    )
    expected = frame.sort("user_row", "timestamp", maintain_order=True)
    assert event_order.sort_events(frame).equals(expected)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 120), st.booleans(), st.booleans())
def test_order_lines_equal_a_plain_sort_within_each_user_and_time(
    seed: int, n: int, has_time: bool, has_text: bool
) -> None:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "user": rng.integers(0, 6, n).astype(str),
            "time": rng.integers(0, 4, n),
            "row": np.arange(n, dtype=np.uint32),
            "session": rng.integers(0, 3, n).astype(np.uint64),
            "number": np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 5, n)),
        }
    ).with_columns(pl.col("number").fill_nan(None))
    keys = [*([frame["session"]] if has_text else []), frame["number"]]
    time = "time" if has_time else None
    ordered = event_order.order_lines(frame, keys, user="user", time=time, row="row")
    rows = frame.rows(named=True)
    first: dict[tuple[str, int], int] = {}
    for row in rows:
        first.setdefault((row["user"], row["session"]), row["row"])
    groups: dict[tuple[str, int], list[dict]] = {}
    for row in rows:
        groups.setdefault((row["user"], row["time"] if has_time else 0), []).append(row)
    expected: list[int] = [0] * n
    for group in groups.values():
        by_key = sorted(
            group,
            key=lambda row: (
                first[row["user"], row["session"]] if has_text else 0,
                row["number"] is None,
                row["number"] or 0,
                row["row"],
            ),
        )
        for place, row in zip(group, by_key, strict=True):
            expected[place["row"]] = row["row"]
    assert ordered["row"].to_list() == expected


def test_find_ties_marks_every_event_of_a_tie() -> None:
    users, times = np.array([0, 0, 0, 1, 1]), np.array([1, 1, 2, 2, 3])
    assert event_order.find_ties(users, times).tolist() == [True, True, False, False, False]
    assert event_order.find_ties(users[:0], times[:0]).tolist() == []


def _shuffled(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    return event_order.shuffle_ties(frame, np.random.default_rng(seed))


def test_shuffle_ties_moves_events_within_ties_alone_and_follows_the_seed() -> None:
    rng = np.random.default_rng(0)
    keys = {"user_row": rng.integers(0, 5, 200), "timestamp": rng.integers(0, 6, 200)}
    frame = pl.DataFrame({**keys, "event": np.arange(200)}).sort(
        "user_row", "timestamp", maintain_order=True
    )
    shuffled, again, other = (_shuffled(frame, seed) for seed in (1, 1, 2))
    assert shuffled.equals(again)
    assert not shuffled.equals(other)
    assert not shuffled.equals(frame)
    assert shuffled.select("user_row", "timestamp").equals(frame.select("user_row", "timestamp"))
    assert shuffled.sort("user_row", "timestamp", "event").equals(frame)


def test_shuffle_ties_puts_every_event_of_a_tie_last_equally_often() -> None:
    frame = pl.DataFrame({"user_row": [0] * 3, "timestamp": [7] * 3, "event": [0, 1, 2]})
    last = [_shuffled(frame, seed)["event"][2] for seed in range(300)]
    assert np.bincount(last).min() > 70
