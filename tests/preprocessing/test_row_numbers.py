"""Ids to row numbers, against plain lists."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import row_numbers


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=40), st.sampled_from([1, 3, 1 << 16])
)
def test_rows_by_first_event_are_positions_among_the_distinct_ids(
    words: list[str], chunk: int
) -> None:
    values = pl.Series(words, dtype=pl.Enum(["f", "e", "x", "d", "c", "b", "a"]))
    order = row_numbers.codes_by_first_event(values, chunk)
    ids = row_numbers.categories(values).gather(order)
    assert ids.to_list() == list(dict.fromkeys(words))
    expected = [ids.to_list().index(word) for word in words]
    assert row_numbers.rows_of_codes(values, order).to_list() == expected
    assert row_numbers.rows_of(values, ids).to_list() == expected


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["a", "b", "c"])])
def test_rows_of_missing_and_unknown_values_are_null(dtype: pl.DataType) -> None:
    values = pl.Series(["b", None, "c", "a"], dtype=dtype)
    assert row_numbers.rows_of(values, pl.Series(["a", "b"])).to_list() == [1, None, None, 0]


def test_renumber_closes_the_gaps_of_dropped_rows() -> None:
    rows = pl.Series("row", [3, 1, 3, 0], dtype=pl.UInt32)
    dropped = np.array([False, False, True, False])
    assert row_numbers.renumber(rows, dropped).to_list() == [2, 1, 2, 0]
    assert row_numbers.renumber(rows, np.zeros(4, bool)).to_list() == rows.to_list()
