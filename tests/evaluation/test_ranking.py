"""Ranks by counting and lists by selection, against a full stable sort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.evaluation import ranking, task
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds


def best(scores, c):
    """The first `c` columns of each row."""
    c = min(c, scores.shape[1])
    _, item, begins = ranking.ordered(scores, ranking.reached(scores, c))
    return item[begins[:-1, None] + np.arange(c)]


class Planted:
    """Scores from a table."""

    def __init__(self, table):
        self.table = np.asarray(table, np.float32)

    def score(self, user_rows):
        return self.table[user_rows]


def sorted_lists(question, table):
    """The whole order of every judged user, masked and unmasked, by plain sorting."""
    for position, user in enumerate(question.users):
        order = sorted(range(question.n_items), key=lambda i, u=user: (-table[u, i], i))
        truth = set(question.truth_item[question.truth_user == position].tolist())
        a, b = question.history.offsets[user : user + 2]
        seen = set(question.history.item_row[a:b].tolist()) - truth
        yield position, [i for i in order if i not in seen], order


def random_question(tmp_path, seed):
    rng = np.random.default_rng(seed)
    n = 120
    users, items = np.sort(rng.integers(0, 14, n)), rng.integers(0, 9, n)
    split = rng.choice([0, 0, 1, 2], n)
    split[0] = 2
    data = worlds.write_data(tmp_path / str(seed), users, items, n_users=15, n_items=9, split=split)
    return task.build(data, "test")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tile_bytes", [1, 200, 10**6])
def test_judge_equals_a_stable_sort(tmp_path, seed, tile_bytes):
    question = random_question(tmp_path, seed)
    # Few different values: ties everywhere.
    table = np.random.default_rng(seed).integers(0, 4, (15, 9)).astype(np.float32)
    judged = ranking.evaluate_scorer(
        question, Planted(table), 5, SilentReporter(), name="p", kind="run", tile_bytes=tile_bytes
    )
    for position, masked, whole in sorted_lists(question, table):
        mine = question.truth_user == position
        for view, order in ((judged.masked, masked), (judged.unmasked, whole)):
            assert view.ranks.rank[mine].tolist() == [
                order.index(i) for i in question.truth_item[mine]
            ]
            expected = (order + [-1] * 5)[:5]
            assert view.lists.items[position].tolist() == expected


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=8, max_size=8),
        min_size=1,
        max_size=4,
    ),
    c=st.integers(1, 10),
)
def test_selection_equals_a_stable_sort(rows, c):
    scores = np.array(rows, np.float32)
    got = best(scores, c)
    np.testing.assert_array_equal(got, np.argsort(-scores, axis=1, kind="stable")[:, :c])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    width=st.integers(1, 700),
    c=st.integers(1, 12),
    values=st.sampled_from([1, 3, 50, 10**9]),
)
def test_selection_of_many_columns_equals_a_stable_sort(seed, width, c, values):
    scores = np.random.default_rng(seed).integers(0, values, (3, width)).astype(np.float32)
    scores[1, : width // 2] = -np.inf
    got = best(scores, c)
    np.testing.assert_array_equal(got, np.argsort(-scores, axis=1, kind="stable")[:, :c])


def test_judge_row_order_of_users_changes_nothing_for_each(tmp_path):
    question = random_question(tmp_path, 1)
    table = np.random.default_rng(3).standard_normal((15, 9))
    whole = ranking.evaluate_scorer(
        question, Planted(table), 3, SilentReporter(), name="p", kind="run"
    )
    one = ranking.evaluate_scorer(
        question, Planted(table), 3, SilentReporter(), name="p", kind="run", tile_bytes=1
    )
    np.testing.assert_array_equal(whole.masked.ranks.rank, one.masked.ranks.rank)
    np.testing.assert_array_equal(whole.unmasked.lists.items, one.unmasked.lists.items)


def test_judge_repeated_target_stays_rankable(tmp_path):
    # The user has met 0, 1 and 2; the truth is 1, met before: masking takes away 0 and 2 only.
    data = worlds.write_data(tmp_path, [0, 0, 0, 0], [0, 1, 2, 1], n_items=4, split=[0, 0, 0, 2])
    question = task.build(data, "test")
    judged = ranking.evaluate_scorer(
        question, Planted([[9, 5, 8, 7]]), 4, SilentReporter(), name="p", kind="run"
    )
    assert judged.unmasked.ranks.rank.tolist() == [3]
    assert judged.masked.ranks.rank.tolist() == [1]
    assert judged.masked.lists.items.tolist() == [[3, 1, -1, -1]]
    assert question.repeated.tolist() == [True]


def test_judge_scores_that_are_not_numbers_are_refused(tmp_path):
    question = random_question(tmp_path, 0)
    with pytest.raises(M6RecError, match="`p` gives scores that are not numbers"):
        ranking.evaluate_scorer(
            question, Planted(np.full((15, 9), np.nan)), 3, SilentReporter(), name="p", kind="run"
        )


def test_judge_hands_on_what_a_scorer_raises_in_a_later_tile(tmp_path):
    class Broken(Planted):
        asked = 0

        def score(self, user_rows):
            self.asked += 1
            if self.asked == 3:
                raise M6RecError("the third tile is damaged")
            return super().score(user_rows)

    question = random_question(tmp_path, 1)
    with pytest.raises(M6RecError, match="the third tile is damaged"):
        ranking.evaluate_scorer(
            question,
            Broken(np.zeros((15, 9))),
            5,
            SilentReporter(),
            name="p",
            kind="run",
            tile_bytes=1,
        )
