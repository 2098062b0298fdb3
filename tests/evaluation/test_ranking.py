"""Counted ranks and selected lists equal those of a full stable sort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.evaluation import rank_counting, ranking, task
from m6rec_cli.evaluation.metrics import hit, mrr, ndcg, recall
from m6rec_cli.evaluation.metrics import map as map_metric
from m6rec_cli.evaluation.metrics._base import MISS
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds
from tests.data_directories import write_data


def best_columns(scores, count):
    """The first `count` columns of each row."""
    count = min(count, scores.shape[1])
    floor = rank_counting.score_floor(scores, count)
    _, item, offsets = rank_counting.sort_above_floor(scores, floor)
    return item[offsets[:-1, None] + np.arange(count)]


class TableScorer:
    """Returns scores from a table."""

    def __init__(self, table):
        self.table = np.asarray(table, np.float32)

    def score(self, queries):
        return self.table[queries]


def sorted_lists(evaluation, table):
    """The index of each query with the masked and the unmasked full list, by sorting."""
    for index in range(evaluation.n_queries):
        order = sorted(range(evaluation.n_items), key=lambda i, q=index: (-table[q, i], i))
        seen = set(evaluation.histories.latest(np.array([index]))[1].tolist())
        yield index, [i for i in order if i not in seen], order


def random_task(tmp_path, seed):
    rng = np.random.default_rng(seed)
    n = 120
    users, items = np.sort(rng.integers(0, 14, n)), rng.integers(0, 9, n)
    split = rng.choice([0, 0, 1, 2], n)
    split[0] = 2
    data = write_data(tmp_path / str(seed), users, items, n_users=15, n_items=9, split=split)
    return task.build_task(data, "test")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tile_bytes", [1, 200, 10**6])
def test_evaluate_scorer_equals_a_sort(tmp_path, seed, tile_bytes):
    evaluation = random_task(tmp_path, seed)
    # Few distinct values give many ties.
    table = np.random.default_rng(seed).integers(0, 4, (15, 9)).astype(np.float32)
    result = ranking.evaluate_scorer(
        evaluation,
        TableScorer(table),
        5,
        SilentReporter(),
        name="p",
        kind="run",
        tile_bytes=tile_bytes,
    )
    for index, masked, unmasked in sorted_lists(evaluation, table):
        mine = evaluation.target_query == index
        for view, order in ((result.masked, masked), (result.unmasked, unmasked)):
            for item, rank, ties in zip(
                evaluation.target_item[mine],
                view.ranks.rank[mine],
                view.ranks.ties[mine],
                strict=True,
            ):
                tied = [r for r, i in enumerate(order) if table[index, i] == table[index, item]]
                expected_rank = (tied[0], len(tied)) if item in order else (MISS, 1)
                assert (rank, ties) == expected_rank
            expected = (order + [-1] * 5)[:5]
            assert view.lists.items[index].tolist() == expected


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=8, max_size=8),
        min_size=1,
        max_size=4,
    ),
    c=st.integers(1, 10),
)
def test_sort_above_floor_equals_a_stable_sort(rows, c):
    scores = np.array(rows, np.float32)
    got = best_columns(scores, c)
    np.testing.assert_array_equal(got, np.argsort(-scores, axis=1, kind="stable")[:, :c])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    width=st.integers(1, 700),
    c=st.integers(1, 12),
    values=st.sampled_from([1, 3, 50, 10**9]),
)
def test_sort_above_floor_of_many_columns_equals_a_stable_sort(seed, width, c, values):
    scores = np.random.default_rng(seed).integers(0, values, (3, width)).astype(np.float32)
    scores[1, : width // 2] = -np.inf
    got = best_columns(scores, c)
    np.testing.assert_array_equal(got, np.argsort(-scores, axis=1, kind="stable")[:, :c])


def test_evaluate_scorer_result_does_not_depend_on_the_tile_size(tmp_path):
    evaluation = random_task(tmp_path, 1)
    table = np.random.default_rng(3).standard_normal((15, 9))
    whole = ranking.evaluate_scorer(
        evaluation, TableScorer(table), 3, SilentReporter(), name="p", kind="run"
    )
    one = ranking.evaluate_scorer(
        evaluation, TableScorer(table), 3, SilentReporter(), name="p", kind="run", tile_bytes=1
    )
    np.testing.assert_array_equal(whole.masked.ranks.rank, one.masked.ranks.rank)
    np.testing.assert_array_equal(whole.unmasked.lists.items, one.unmasked.lists.items)


def test_evaluate_scorer_masked_repeat_is_a_miss_as_in_the_lists_of_recommend(tmp_path):
    data = write_data(tmp_path, [0, 0, 0, 0], [0, 1, 2, 1], n_items=4, split=[0, 0, 0, 2])
    evaluation = task.build_task(data, "test")
    result = ranking.evaluate_scorer(
        evaluation, TableScorer([[9, 5, 8, 7]]), 4, SilentReporter(), name="p", kind="run"
    )
    assert result.unmasked.ranks.rank.tolist() == [3]
    assert result.masked.ranks.rank.tolist() == [MISS]
    assert result.masked.lists.items.tolist() == [[3, -1, -1, -1]]
    assert evaluation.repeated_mask.tolist() == [True]


@pytest.mark.parametrize("view", ["masked", "unmasked"])
def test_evaluate_scorer_constant_scorer_gets_the_figures_of_chance(tmp_path, view):
    n_items, seen = 60, 4
    data = worlds.planted_cycle(tmp_path, n_users=40, n_items=n_items, length=seen + 1)
    evaluation = task.build_task(data, "test")
    result = ranking.evaluate_scorer(
        evaluation, TableScorer(np.ones((40, n_items))), 10, SilentReporter(), name="p", kind="run"
    )
    ranks = result.view(view).ranks
    n = n_items - seen * (view == "masked")
    chance = np.log2(np.arange(10) + 2)
    np.testing.assert_allclose(ndcg.at(ranks, 10), (1 / chance).sum() / n)
    np.testing.assert_allclose(recall.at(ranks, 10), 10 / n)
    np.testing.assert_allclose(hit.at(ranks, 10), 10 / n)
    np.testing.assert_allclose(mrr.at(ranks, 10), (1 / np.arange(1, 11)).sum() / n)
    np.testing.assert_allclose(map_metric.at(ranks, 10), (1 / np.arange(1, 11)).sum() / n)


def test_evaluate_scorer_nan_scores_are_an_error(tmp_path):
    evaluation = random_task(tmp_path, 0)
    with pytest.raises(M6RecError, match="`p` returns NaN scores"):
        ranking.evaluate_scorer(
            evaluation,
            TableScorer(np.full((15, 9), np.nan)),
            3,
            SilentReporter(),
            name="p",
            kind="run",
        )


def test_evaluate_scorer_raises_the_scorers_error_of_a_later_tile(tmp_path):
    class Broken(TableScorer):
        calls = 0

        def score(self, queries):
            self.calls += 1
            if self.calls == 3:
                raise M6RecError("the third tile is damaged")
            return super().score(queries)

    evaluation = random_task(tmp_path, 1)
    with pytest.raises(M6RecError, match="the third tile is damaged"):
        ranking.evaluate_scorer(
            evaluation,
            Broken(np.zeros((15, 9))),
            5,
            SilentReporter(),
            name="p",
            kind="run",
            tile_bytes=1,
        )
