"""Time ties in `preprocess`: counted, warned of where they decide what is held out, shuffled."""

import numpy as np
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.store import Dataset
from m6rec_cli.stages import preprocess
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter

N_USERS = 20


@pytest.fixture
def log(tmp_path):
    """Each user has five events; in the first half of the users the last three share a time."""
    lines = ["user_id,item_id,timestamp"]
    for user in range(N_USERS):
        times = [1, 2, 3, 3, 3] if user < N_USERS // 2 else [1, 2, 3, 4, 5]
        lines += [f"u{user},i{n},{1_700_000_000 + 60 * t}" for n, t in enumerate(times)]
    file = tmp_path / "events.csv"
    file.write_text("\n".join(lines))
    return file


def preprocessed(log, name, *sets, columns=None):
    report = SilentReporter()
    inputs = preprocess.PreprocessInputs(interactions=log, columns=columns)
    out = log.parent / name
    summary = preprocess.run(configuration.resolve(sets=sets), inputs, out, report)
    return Dataset.open(out), summary, [w for w in report.warnings if "tie_order" in w]


def test_run_counts_users_whose_held_out_event_is_tied_and_warns(log):
    _, summary, warnings = preprocessed(log, "data")
    assert (summary["ties"], summary["tied_users"]) == (30, 10)
    assert "10 of 20 users have a held-out event at the time of another" in warnings[0]
    assert "the order of the file decides" in warnings[0]


def test_run_temporal_split_never_cuts_a_tie_and_does_not_warn(log):
    _, summary, warnings = preprocessed(
        log, "data", "data.split=temporal", "data.test_fraction=0.3"
    )
    assert summary["ties"] == 30
    assert warnings == []


def test_run_random_tie_order_moves_tied_events_alone_and_follows_the_seed(log):
    plain, _, _ = preprocessed(log, "file")
    shuffled = [
        preprocessed(log, f"random-{n}", "data.tie_order=random", f"data.seed={seed}")
        for n, seed in enumerate((1, 1, 2))
    ]
    assert "a random order decides" in shuffled[0][2][0]
    items = [data.events.item_row.reshape(N_USERS, 5) for data, _, _ in shuffled]
    before = plain.events.item_row.reshape(N_USERS, 5)
    np.testing.assert_array_equal(items[0], items[1])
    assert (items[0] != items[2]).any()
    for table in items:
        np.testing.assert_array_equal(table[:, :2], before[:, :2])
        np.testing.assert_array_equal(table[N_USERS // 2 :], before[N_USERS // 2 :])
        np.testing.assert_array_equal(np.sort(table, axis=1), np.sort(before, axis=1))
    assert (items[0] != before).any()


def test_run_ties_that_a_column_orders_are_no_doubt_and_not_shuffled(log):
    lines = log.read_text().splitlines()
    numbered = [f"{line},{n}" for n, line in enumerate(lines[1:])]
    log.write_text("\n".join([f"{lines[0]},line", *numbered]))
    _, summary, warnings = preprocessed(log, "data", columns="order=line")
    assert summary["tied_users"] == 10
    assert warnings == []
    with pytest.raises(M6RecError, match="columns order the events of the same time") as caught:
        preprocessed(log, "random", "data.tie_order=random", columns="order=line")
    assert "`line`" in (caught.value.where or "")
