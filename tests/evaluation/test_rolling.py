"""`--protocol rolling`: queries of the next event while time goes on, on tiny hand-made logs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.evaluation import measurement, ranking, slices, systems, task
from m6rec_cli.evaluation.baselines._base import BASELINES
from m6rec_cli.evaluation.catalogue_facts import build_catalogue_facts
from m6rec_cli.evaluation.metrics._base import MISS
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.data_directories import write_data

# User 0: training 0 1, validation 2, test 3 1 4; user 1: training 3, test 2 (not labelled) 0; user
# 2 is new in the test span: test 4 4; user 3 has no held-out event.
USERS = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3]
ITEMS = [0, 1, 2, 3, 1, 4, 3, 2, 0, 4, 4, 0]
SPLIT = [0, 0, 1, 2, 2, 2, 0, 2, 2, 2, 2, 0]
LABEL = [True] * 7 + [False] + [True] * 4


def tiny(path):
    return write_data(path, USERS, ITEMS, n_items=6, split=SPLIT, label=LABEL)


def rolling(path):
    return task.build_task(tiny(path), "test", protocol="rolling")


class Table:
    """Scores from a table, one row per query."""

    def __init__(self, rows):
        self.rows = np.array(rows, np.float32)

    def score(self, queries):
        return self.rows[queries]


def evaluated(evaluation, scorer, **options):
    return ranking.evaluate_scorer(
        evaluation, scorer, 6, SilentReporter(), name="s", kind="baseline", **options
    )


def histories(evaluation):
    items = evaluation.queries.events.item_row
    spans = zip(evaluation.queries.start, evaluation.queries.stop, strict=True)
    return [items[a:b].tolist() for a, b in spans]


def test_each_labelled_event_is_a_query_after_all_earlier_events_of_its_user(tmp_path):
    evaluation = rolling(tmp_path)
    assert evaluation.queries.user_row.tolist() == [0, 0, 0, 1, 2, 2]
    assert evaluation.target_item.tolist() == [3, 1, 4, 0, 4, 4]
    assert histories(evaluation) == [[0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 1], [3, 2], [], [4]]
    assert (evaluation.n_queries, evaluation.n_users) == (6, 3)
    assert evaluation.repeated_mask.tolist() == [False, True, False, False, False, True]


def test_fitted_events_end_before_the_split(tmp_path):
    known = rolling(tmp_path).known
    assert (known.user_row.tolist(), known.item_row.tolist()) == ([0, 0, 0, 1, 3], [0, 1, 2, 3, 0])


def test_masked_items_roll_on(tmp_path):
    query, item = rolling(tmp_path).masked_items(1, 6)
    assert [item[query == q].tolist() for q in range(5)] == [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
        [2, 3],
        [],
        [4],
    ]


@pytest.mark.parametrize("tile_bytes", [1, 10**6])
def test_figures_are_means_over_the_queries_of_a_user_then_over_users(tmp_path, tile_bytes):
    evaluation = rolling(tmp_path)
    # Item 5 comes first, then 4, 3, 2, 1, 0.
    scorer = Table(np.tile(np.arange(6), (6, 1)))
    result = evaluated(evaluation, scorer, tile_bytes=tile_bytes)
    assert result.unmasked.ranks.rank.tolist() == [2, 4, 1, 5, 1, 1]
    assert result.masked.ranks.rank.tolist() == [2, MISS, 1, 3, 1, MISS]
    assert result.masked.lists.items[2].tolist() == [5, 4, -1, -1, -1, -1]
    facts, _ = build_catalogue_facts(evaluation)
    figures = measurement.compute_metrics(result.masked, evaluation, facts, [3])
    gain = [1 / math.log2(4), 1 / math.log2(3)]  # the ranks 2 and 1
    per_user = [(gain[0] + gain[1]) / 3, 0.0, gain[1] / 2]
    np.testing.assert_allclose(figures.columns["ndcg@3"], per_user)
    np.testing.assert_allclose(figures.columns["recall@3"], [2 / 3, 0, 1 / 2])
    assert figures.means()["ndcg@3"] == pytest.approx(sum(per_user) / 3)


def test_slices_are_those_of_the_rolled_on_history(tmp_path):
    evaluation = rolling(tmp_path)
    parts = slices.build_slices(evaluation)
    length = {name: np.flatnonzero(mask).tolist() for name, mask in parts["history_length"].items()}
    assert length == {"0": [4], "1-4": [0, 1, 3, 5], "5-9": [2]}
    assert np.flatnonzero(parts["users"]["cold"]).tolist() == [4]
    # The target follows the last item in training nowhere: 0 to 1 is the one known step.
    assert list(parts["transition"]) == ["unseen"]
    result = evaluated(evaluation, Table(np.tile(np.arange(6), (6, 1))))
    values = measurement.leading_values(
        result.unmasked.ranks, evaluation, 3, parts["history_length"]["1-4"]
    )
    # Of user 0 two queries are in the slice, of users 1 and 2 one each.
    expected = [(1 / math.log2(4) + 0) / 2, 0, 1 / math.log2(3)]
    np.testing.assert_allclose(values["ndcg@3"], expected)


def test_calibration_and_popularity_bias_follow_the_rolled_on_history(tmp_path):
    facts, _ = build_catalogue_facts(rolling(tmp_path))
    # Training events per item: 2, 1, 0, 1, 0, 0; percentiles .75, .25, 0, .25, 0, 0.
    expected = [1 / 3, 1.25 / 4, 1.5 / 5, 0.25 / 2, np.nan, 0]
    np.testing.assert_allclose(facts.history_percentile, expected)
    assert facts.history_groups.shape[0] == 6


@pytest.mark.parametrize("name", [n for n in BASELINES.option_names() if n != "contentknn"])
def test_baselines_score_the_rolled_on_history_with_what_was_known_before(tmp_path, name):
    evaluation = rolling(tmp_path)
    fitted = systems.fit_baseline(name, evaluation)
    got = fitted.score(evaluation.histories, np.arange(6))
    # The same baseline, asked about a log in which each history is a user of its own.
    for query, items in enumerate(histories(evaluation)):
        alone = type(evaluation.histories)(
            np.array(items, np.int32), np.array([0]), np.array([len(items)])
        )
        np.testing.assert_allclose(got[query], fitted.score(alone, np.array([0]))[0], atol=1e-6)
    if name == "last-item":
        # 0 to 1 and 1 to 2 are the known steps; the step 2 to 3 of the test span is not.
        assert got[2].argmax() == 2
        assert got[0].argmax() == 0  # after item 2: nothing but popularity


def test_sample_of_users_keeps_all_queries_of_a_user(tmp_path):
    data = tiny(tmp_path)
    sample = task.build_task(data, "test", protocol="rolling", max_users=2, seed=1)
    whole = rolling(tmp_path)
    mine = np.isin(whole.queries.user_row, sample.users)
    assert sample.n_users == 2
    np.testing.assert_array_equal(sample.target_item, whole.target_item[mine])
    np.testing.assert_array_equal(sample.queries.stop, whole.queries.stop[mine])


def test_validation_span_never_sees_test_events(tmp_path):
    data = write_data(tmp_path, [0] * 5, [0, 1, 2, 3, 4], split=[0, 1, 1, 2, 2])
    evaluation = task.build_task(data, "valid", protocol="rolling")
    assert histories(evaluation) == [[0], [0, 1]]
    assert evaluation.known.item_row.tolist() == [0]


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_no_future_event_is_in_a_history(tmp_path_factory, data):
    n = data.draw(st.integers(4, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    users, items = rng.integers(0, 4, n), rng.integers(0, 6, n)
    # Few times, so that there are ties; a global cut, as `--split temporal` makes it.
    times = np.sort(rng.integers(0, 12, n))
    split = np.searchsorted([6, 9], times, side="right")
    users[:2], split[-2:] = users[0], 2
    users[-2:] = users[0]
    folder = tmp_path_factory.mktemp("log")
    log = write_data(folder, users, items, n_users=4, n_items=6, timestamp=times, split=split)
    evaluation = task.build_task(log, "test", protocol="rolling")
    events, queries = evaluation.queries.events, evaluation.queries
    assert len(queries) == np.count_nonzero(split == 2)
    for user, start, stop, target in zip(
        queries.user_row, queries.start, queries.stop, evaluation.target_item, strict=True
    ):
        assert (events.user_row[start:stop] == user).all()
        assert (events.timestamp[start:stop] <= events.timestamp[stop]).all()
        assert events.item_row[stop] == target
        assert start == 0 or events.user_row[start - 1] != user
    assert len(evaluation.known.item_row) == np.count_nonzero(split < 2)


def test_leave_one_out_is_refused_since_both_protocols_ask_the_same(tmp_path):
    data = write_data(tmp_path, [0] * 4 + [1] * 4, [0, 1, 2, 3] * 2)
    with pytest.raises(M6RecError, match="with `leave-one-out` no user has two held-out") as caught:
        task.build_task(data, "test", protocol="rolling")
    assert "--split temporal" in (caught.value.hint or "")


def test_cold_split_is_refused(tmp_path):
    data = write_data(tmp_path, [0, 0, 0], [0, 1, 2], split=[0, 3, 3])
    with pytest.raises(M6RecError, match="the events of cold users and items have none"):
        task.build_task(data, "cold", protocol="rolling")
