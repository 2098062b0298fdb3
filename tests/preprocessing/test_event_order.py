"""The order of events, against a plain stable sort."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import event_order


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 300),
    st.sampled_from([1, 5, 2**62]),
    st.sampled_from([1, 7, 1 << 21]),
)
def test_sorted_blocks_equal_a_stable_sort_of_the_kept_events(
    seed: int, n: int, span: int, block_size: int
) -> None:
    rng = np.random.default_rng(seed)
    users = rng.integers(0, 9, n).astype(np.uint32)
    times = rng.integers(-span, span, n)
    keep = rng.random(n) < 0.8
    blocks = event_order.sorted_blocks(users, times, keep, block_size)
    got = np.concatenate([at[order] for at, order in blocks])
    expected = [at for at in sorted(range(n), key=lambda i: (users[i], times[i], i)) if keep[at]]
    assert got.tolist() == expected


def test_sort_events_moves_all_columns_together() -> None:
    frame = pl.DataFrame(
        {"user_row": [1, 0, 1, 0], "timestamp": [5, 9, 4, 9], "event": ["a", "b", "c", "d"]}
    )
    ordered = event_order.sort_events(frame, np.array([True, True, True, False]))
    assert ordered.rows() == [(0, 9, "b"), (1, 4, "c"), (1, 5, "a")]
