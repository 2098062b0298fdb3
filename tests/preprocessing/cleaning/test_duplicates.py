"""Duplicate events, against a plain set."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing.cleaning.duplicates import find_duplicates


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 200), st.sampled_from([1, 3, 10**12]))
def test_find_duplicates_marks_rows_that_an_earlier_row_equals(
    seed: int, n: int, spread: int
) -> None:
    rng = np.random.default_rng(seed)
    columns = {
        "user": pl.Series([f"u{x}" for x in rng.integers(0, 3, n)]).cast(pl.Categorical),
        "item": pl.Series([f"i{x}" for x in rng.integers(0, 3, n)]).cast(pl.Categorical),
        "timestamp": rng.integers(-spread, spread, n),
        "event": pl.Series(
            [None if x == 0 else f"e{x}" for x in rng.integers(0, 3, n)], dtype=pl.String
        ).cast(pl.Categorical),
    }
    frame = pl.DataFrame(columns)
    earlier: set[tuple[object, ...]] = set()
    expected = []
    for row in frame.rows():
        expected.append(row in earlier)
        earlier.add(row)
    assert find_duplicates(frame).to_list() == expected
