"""Ids to row numbers, against plain lists."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import row_numbers


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=40))
def test_rows_by_first_event_are_positions_among_the_distinct_ids(words: list[str]) -> None:
    names = ["f", "e", "x", "d", "c", "b", "a"]
    places = [words.index(name) + 1 if name in words else row_numbers.MISSING for name in names]
    order = row_numbers.codes_by_first_event(np.array(places, np.uint32))
    ids = pl.Series(names).gather(order)
    assert ids.to_list() == list(dict.fromkeys(words))
    rows = row_numbers.rows_of_codes(order, len(names))
    expected = [ids.to_list().index(word) for word in words]
    assert [rows[names.index(word)] for word in words] == expected
    assert rows[2] == row_numbers.MISSING
    assert row_numbers.positions_of(pl.Series(words), ids).tolist() == expected
    values = pl.Series(words, dtype=pl.Enum(names))
    assert row_numbers.rows_of(values, ids).to_list() == expected


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["a", "b", "c"])])
def test_rows_of_missing_and_unknown_values_are_null(dtype: pl.DataType) -> None:
    values = pl.Series(["b", None, "c", "a"], dtype=dtype)
    assert row_numbers.rows_of(values, pl.Series(["a", "b"])).to_list() == [1, None, None, 0]


def test_without_dropped_closes_the_gaps_of_dropped_rows() -> None:
    rows = np.array([3, 1, row_numbers.MISSING, 2, 3, 0], np.uint32)
    dropped = np.array([False, False, True, False])
    none = row_numbers.MISSING
    assert row_numbers.without_dropped(rows, dropped).tolist() == [2, 1, none, none, 2, 0]
    same = row_numbers.without_dropped(rows, np.zeros(4, bool))
    assert same.tolist() == rows.tolist()
