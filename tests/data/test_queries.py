"""Queries: what their histories hold, against plain loops."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.data.queries import Queries, later_events, next_events
from tests.data_directories import write_data


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_seen_items_and_has_seen_equal_a_plain_scan(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    folder = tmp_path_factory.mktemp("data")
    data = write_data(folder, rng.integers(0, 4, n), rng.integers(0, 5, n), n_users=5, split="none")
    log, offsets = data.events, data.events.offsets(5)
    user = np.sort(rng.integers(0, 5, 12))
    start, stop = offsets[user], rng.integers(offsets[user], offsets[user + 1] + 1)
    queries = Queries(events=log, user_row=user, start=start, stop=stop)
    rows = rng.integers(0, len(queries), 6)
    owner, items = queries.seen_items(rows)
    histories = [log.item_row[a:b].tolist() for a, b in zip(start, stop, strict=True)]
    for place, row in enumerate(rows):
        mine = items[owner == place].tolist()
        assert sorted(mine) == sorted(set(histories[row]))
    wanted = rng.integers(0, 7, 12)  # some are no item of the log
    query = np.arange(12)
    expected = [item in histories[q] for q, item in zip(query, wanted, strict=True)]
    assert queries.has_seen(query, wanted).tolist() == expected


def test_later_and_next_events_of_the_same_users(tmp_path):
    data = write_data(
        tmp_path, [0, 0, 0, 0, 1, 1, 2], [3, 1, 0, 1, 2, 2, 4], split=[0, 1, 2, 2, 0, 2, 0]
    )
    later = later_events(data, "test", np.array([0, 1]))
    assert later.queries.user_row.tolist() == [0, 1]
    assert (later.query.tolist(), later.item.tolist()) == ([0, 0, 1], [0, 1, 2])
    assert (later.queries.stop - later.queries.start).tolist() == [2, 1]
    later = next_events(data, "test", np.array([0]))
    assert later.queries.user_row.tolist() == [0, 0]
    assert later.item.tolist() == [0, 1]
    assert (later.queries.stop - later.queries.start).tolist() == [2, 3]
