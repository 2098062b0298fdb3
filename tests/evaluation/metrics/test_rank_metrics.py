"""Rank metrics against hand arithmetic, figures of another package, and plain loops."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.evaluation.metrics._base import MISS, Ranks
from m6rec_cli.system import registry

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "ranx.json").read_text())
NAMES = [
    name
    for name in registry.names("evaluation.metrics")
    if registry.load("evaluation.metrics", name).READS == "ranks"
]


def ranks_of(cases):
    rank, user = [], []
    for u, (shown, truth) in enumerate(cases):
        for item in truth:
            rank.append(shown.index(item) if item in shown else MISS)
            user.append(u)
    return Ranks(np.array(rank, np.int64), np.array(user, np.int64), len(cases))


def plain(metric, shown, truth, k):
    """The definitions, one list at a time, in plain Python."""
    hits = [1 if item in truth else 0 for item in shown[:k]]
    if metric == "recall":
        return sum(hits) / len(truth)
    if metric == "precision":
        return sum(hits) / k
    if metric == "hit":
        return float(any(hits))
    if metric == "mrr":
        return next((1 / (i + 1) for i, h in enumerate(hits) if h), 0.0)
    if metric == "ndcg":
        gain = sum(h / math.log2(i + 2) for i, h in enumerate(hits))
        return gain / sum(1 / math.log2(i + 2) for i in range(min(k, len(truth))))
    assert metric == "map"
    return sum(sum(hits[: i + 1]) / (i + 1) for i, h in enumerate(hits) if h) / len(truth)


@pytest.mark.parametrize("key", GOLDEN["expected"])
def test_rank_metric_equals_ranx(key):
    metric, k = key.split("@")
    ranks = ranks_of([(case["list"], case["truth"]) for case in GOLDEN["cases"]])
    got = registry.load("evaluation.metrics", metric).at(ranks, int(k))
    np.testing.assert_allclose(got, GOLDEN["expected"][key], atol=1e-11)


CASES = st.lists(
    st.tuples(
        st.lists(st.integers(0, 15), max_size=12, unique=True),
        st.lists(st.integers(0, 15), min_size=1, max_size=6, unique=True),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(cases=CASES, k=st.integers(1, 14))
def test_rank_metrics_equal_plain_loops(cases, k):
    for metric in NAMES:
        got = registry.load("evaluation.metrics", metric).at(ranks_of(cases), k)
        np.testing.assert_allclose(
            got,
            [plain(metric, shown, truth, k) for shown, truth in cases],
            atol=1e-12,
            err_msg=metric,
        )


def test_ndcg_ideal_is_that_of_the_truths_not_of_k_hits():
    # Two truths at places 1 and 3, hand arithmetic: (1 + 1/2) / (1 + 1/log2 3).
    got = registry.load("evaluation.metrics", "ndcg").at(
        Ranks(np.array([0, 2]), np.array([0, 0]), 1), 10
    )
    assert got[0] == pytest.approx(1.5 / (1 + 1 / math.log2(3)))


@pytest.mark.parametrize("metric", NAMES)
def test_rank_metric_user_without_truth_has_no_value(metric):
    got = registry.load("evaluation.metrics", metric).at(Ranks(np.array([0]), np.array([1]), 3), 5)
    assert np.isnan(got[[0, 2]]).all()
    assert got[1] > 0


@pytest.mark.parametrize("metric", NAMES)
def test_rank_metric_never_falls_when_a_truth_rises(metric):
    at = registry.load("evaluation.metrics", metric).at
    for k in (1, 5, 10):
        values = [at(Ranks(np.array([r, 11]), np.array([0, 0]), 1), k)[0] for r in range(10)]
        assert values == sorted(values, reverse=True)


def test_keep_renumbers_the_users_that_are_left():
    ranks = Ranks(np.array([3, 1, 4]), np.array([0, 2, 2]), 3)
    part = ranks.keep(np.array([False, True, True]))
    assert (part.n_users, part.user.tolist(), part.rank.tolist()) == (1, [0, 0], [1, 4])
