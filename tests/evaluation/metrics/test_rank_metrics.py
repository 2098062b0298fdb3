"""Rank metrics against ranx, plain loops and hand arithmetic."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.evaluation.metrics._base import METRICS, MISS, Ranks

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "ranx.json").read_text())
NAMES = [name for name in METRICS.names() if METRICS.load(name).READS == "ranks"]


def ranks_of(cases):
    rank, user = [], []
    for u, (listed, targets) in enumerate(cases):
        for item in targets:
            rank.append(listed.index(item) if item in listed else MISS)
            user.append(u)
    return Ranks(np.array(rank, np.int64), np.array(user, np.int64), len(cases))


def by_loops(metric, listed, targets, k):
    """The definition of a metric for one list in plain Python."""
    hits = [1 if item in targets else 0 for item in listed[:k]]
    if metric == "recall":
        return sum(hits) / len(targets)
    if metric == "precision":
        return sum(hits) / k
    if metric == "hit":
        return float(any(hits))
    if metric == "mrr":
        return next((1 / (i + 1) for i, h in enumerate(hits) if h), 0.0)
    if metric == "ndcg":
        gain = sum(h / math.log2(i + 2) for i, h in enumerate(hits))
        return gain / sum(1 / math.log2(i + 2) for i in range(min(k, len(targets))))
    assert metric == "map"
    return sum(sum(hits[: i + 1]) / (i + 1) for i, h in enumerate(hits) if h) / len(targets)


@pytest.mark.parametrize("key", GOLDEN["expected"])
def test_rank_metric_equals_ranx(key):
    metric, k = key.split("@")
    ranks = ranks_of([(case["list"], case["targets"]) for case in GOLDEN["cases"]])
    got = METRICS.load(metric).at(ranks, int(k))
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
        got = METRICS.load(metric).at(ranks_of(cases), k)
        np.testing.assert_allclose(
            got,
            [by_loops(metric, listed, targets, k) for listed, targets in cases],
            atol=1e-12,
            err_msg=metric,
        )


def test_ndcg_ideal_list_has_the_targets_and_not_k_hits():
    # Two targets at ranks 0 and 2: (1 + 1/2) / (1 + 1/log2 3).
    got = METRICS.load("ndcg").at(Ranks(np.array([0, 2]), np.array([0, 0]), 1), 10)
    assert got[0] == pytest.approx(1.5 / (1 + 1 / math.log2(3)))


@pytest.mark.parametrize("metric", NAMES)
def test_rank_metric_user_without_targets_is_nan(metric):
    got = METRICS.load(metric).at(Ranks(np.array([0]), np.array([1]), 3), 5)
    assert np.isnan(got[[0, 2]]).all()
    assert got[1] > 0


@pytest.mark.parametrize("metric", NAMES)
def test_rank_metric_does_not_fall_when_a_target_moves_up(metric):
    at = METRICS.load(metric).at
    for k in (1, 5, 10):
        values = [at(Ranks(np.array([r, 11]), np.array([0, 0]), 1), k)[0] for r in range(10)]
        assert values == sorted(values, reverse=True)


def test_subset_renumbers_the_remaining_users():
    ranks = Ranks(np.array([3, 1, 4]), np.array([0, 2, 2]), 3)
    part = ranks.subset(np.array([False, True, True]))
    assert (part.n_users, part.user.tolist(), part.rank.tolist()) == (1, [0, 0], [1, 4])
