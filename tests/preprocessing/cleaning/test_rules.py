"""Cleaning rules on rows and users."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing.cleaning.rules import Cleaning, bots, k_core
from m6rec_cli.preprocessing.tables import ROW

pairs = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=80)


@settings(deadline=None, max_examples=60)
@given(pairs, st.integers(1, 4), st.integers(1, 4))
def test_k_core_equals_removing_one_at_a_time(
    rows: list[tuple[int, int]], min_user: int, min_item: int
) -> None:
    users, items = (np.array(side) for side in zip(*rows, strict=True))
    left = list(range(len(rows)))
    while True:
        bad = next(
            (
                i
                for i in left
                if sum(users[j] == users[i] for j in left) < min_user
                or sum(items[j] == items[i] for j in left) < min_item
            ),
            None,
        )
        if bad is None:
            break
        left.remove(bad)
    keep, users_gone, items_gone = k_core(users, items, min_user, min_item)
    assert np.flatnonzero(keep).tolist() == left
    for gone, rows in ((users_gone, users), (items_gone, items)):
        assert set(gone) == set(rows) - set(rows[left])
    some = np.arange(len(rows)) % 3 > 0
    part, *gone_of_some = k_core(users, items, min_user, min_item, some)
    alone, *gone_alone = k_core(users[some], items[some], min_user, min_item)
    np.testing.assert_array_equal(part[some], alone)
    assert not part[~some].any()
    assert [set(gone) for gone in gone_of_some] == [set(gone) for gone in gone_alone]


def test_bots_counts_events_of_one_day() -> None:
    day = 86_400_000
    users = np.array([0, 0, 0, 1, 1, 1])
    times = np.array([1, 2, 3, 1, 2, day + 1])
    assert bots(users, times, 2).tolist() == [0]
    assert bots(users, times, 3).tolist() == []


def test_cleaning_counts_and_names_the_first_rows() -> None:
    cleaning = Cleaning()
    frame = pl.DataFrame(
        {
            ROW: [1, 2, 3, 4, 5],
            "id": ["a", None, "c", "d", "e"],
            "ok": [True, False, None, False, False],
        }
    )
    kept = cleaning.keep(frame, "rule", pl.col("ok"), "id")
    assert kept["id"].to_list() == ["a"]
    assert cleaning.rules == [
        {"rule": "rule", "dropped": 4, "examples": ["(row 2)", "c (row 3)", "d (row 4)"]}
    ]


def test_cleaning_long_examples_are_cut() -> None:
    cleaning = Cleaning()
    cleaning.changed("rule", 1, ["x" * 100])
    assert len(cleaning.rules[0]["examples"][0]) == 60
