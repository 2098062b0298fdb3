"""Spans of users in a sorted log, against plain loops."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from m6rec_cli.data.spans import span_positions, user_spans


@given(st.lists(st.integers(0, 5), max_size=30).map(sorted))
def test_user_spans_are_start_and_length_of_each_user(users: list[int]) -> None:
    starts, sizes = user_spans(np.array(users, np.int64))
    expected = [(users.index(user), users.count(user)) for user in dict.fromkeys(users)]
    assert list(zip(starts.tolist(), sizes.tolist(), strict=True)) == expected


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.data())
def test_span_positions_concatenate_the_spans_of_rows(
    sizes: list[int], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(sizes) - 1), max_size=10))
    offsets = np.cumsum([0, *sizes])
    owner, positions = span_positions(offsets, np.array(rows, np.int64))
    expected = [(n, p) for n, r in enumerate(rows) for p in range(offsets[r], offsets[r + 1])]
    assert list(zip(owner.tolist(), positions.tolist(), strict=True)) == expected
