"""List metrics against hand arithmetic."""

import math

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.evaluation.metrics._base import (
    METRICS,
    CatalogueFacts,
    RankedLists,
    popularity_percentiles,
    scale_rows_to_length_1,
    scale_rows_to_sum_1,
)


def facts(popularity, vectors=None, groups=None, history=None, users=2):
    n = len(popularity)
    return CatalogueFacts.with_histories(
        np.array(popularity),
        scale_rows_to_length_1(
            sparse.csr_array(np.eye(n) if vectors is None else np.array(vectors, float))
        ),
        scale_rows_to_sum_1(
            sparse.csr_array(np.eye(n) if groups is None else np.array(groups, float))
        ),
        sparse.csr_array(np.zeros((users, n)) if history is None else np.array(history, float)),
    )


def at(metric, items, k, catalogue):
    return METRICS.load(metric).at(RankedLists(np.array(items, np.int32)), k, catalogue)


def test_coverage_is_the_share_of_distinct_items_in_the_catalogue():
    assert at("coverage", [[0, 1, 2], [1, 0, -1]], 2, facts([1] * 8)) == 2 / 8


def test_gini_is_zero_for_even_exposure_and_high_for_one_item():
    assert at("gini", [[0, 1], [2, 3]], 2, facts([1] * 4)) == pytest.approx(0)
    # Exposure 0, 0, 0, 2: (2 * 4 - 4 - 1) * 2 / (4 * 2).
    assert at("gini", [[3], [3]], 1, facts([1] * 4)) == pytest.approx(3 / 4)


def test_gini_of_empty_lists_is_nan():
    assert math.isnan(at("gini", [[-1], [-1]], 1, facts([1] * 4)))


def test_novelty_is_self_information_of_the_smoothed_share_in_bits():
    got = at("novelty", [[0, 2], [-1, -1]], 2, facts([5, 0, 0]))
    # Shares (5 + 1) / 8 and 1 / 8.
    assert got[0] == pytest.approx((-math.log2(6 / 8) + 3) / 2)
    assert math.isnan(got[1])


def test_diversity_is_one_minus_the_mean_cosine_of_pairs():
    vectors = [[1, 0], [1, 1], [0, 2], [0, 0]]
    got = at(
        "diversity",
        [[0, 1, 2], [0, 3, -1], [1, -1, -1], [2, 2, -1]],
        3,
        facts([1] * 4, vectors, users=4),
    )
    half = math.sqrt(0.5)
    assert got[0] == pytest.approx(1 - (half + half + 0) / 3)
    assert got[1] == pytest.approx(1)
    assert math.isnan(got[2])


def test_popularity_percentiles_average_to_half_over_events():
    popularity = np.array([7, 3, 3, 0, 1])
    assert popularity_percentiles(popularity) @ popularity / popularity.sum() == pytest.approx(0.5)
    assert (
        popularity_percentiles(popularity)[1]
        == popularity_percentiles(popularity)[2]
        == pytest.approx((1 + 3) / 14)
    )


def test_popularity_bias_is_zero_for_a_list_that_equals_the_history():
    history = [[1, 0, 1, 0], [0, 0, 0, 0]]
    got = at("popularity_bias", [[2, 0], [0, 1]], 2, facts([9, 4, 2, 1], history=history))
    assert got[0] == pytest.approx(0)
    assert math.isnan(got[1])
    more = at(
        "popularity_bias", [[0, 1], [0, 1]], 2, facts([9, 4, 2, 1], history=[[0, 0, 1, 1]] * 2)
    )
    assert (more > 0).all()


def test_calibration_equals_the_divergence_of_steck_2018():
    groups = [[1, 0], [0, 1], [1, 1]]
    history = [[3, 1, 0], [0, 0, 2], [0, 0, 0]]
    got = at(
        "calibration",
        [[0, 1], [2, -1], [0, 1]],
        2,
        facts([1] * 3, groups=groups, history=history),
    )
    p, q = (0.75, 0.25), (0.5, 0.5)
    expected = sum(a * math.log(a / (0.99 * b + 0.01 * a)) for a, b in zip(p, q, strict=True))
    assert got[0] == pytest.approx(expected)
    assert got[1] == pytest.approx(0)
    assert math.isnan(got[2])


def test_calibration_is_finite_for_a_group_that_is_not_in_the_list():
    got = at("calibration", [[1], [1]], 1, facts([1, 1], history=[[1, 0], [0, 1]]))
    assert got[0] == pytest.approx(math.log(1 / 0.01))
    assert got[1] == pytest.approx(0)


def test_calibration_without_groups_is_nan():
    got = at(
        "calibration",
        [[0], [1]],
        1,
        facts([1, 1], groups=[[0, 0], [0, 0]], history=[[1, 0], [0, 1]]),
    )
    assert np.isnan(got).all()


def test_histories_that_continue_count_the_events_of_the_rows_before():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 3, (6, 5)).astype(float)
    continues = np.array([False, True, True, False, False, True])
    groups = scale_rows_to_sum_1(sparse.csr_array(rng.random((5, 3))))
    whole = counts.copy()
    for row in np.flatnonzero(continues):
        whole[row] += whole[row - 1]
    parts = (np.arange(5), sparse.csr_array(np.eye(5)), groups)
    grown = CatalogueFacts.with_histories(*parts, sparse.csr_array(counts), continues)
    plain = CatalogueFacts.with_histories(*parts, sparse.csr_array(whole))
    np.testing.assert_allclose(grown.history_groups.toarray(), plain.history_groups.toarray())
    np.testing.assert_allclose(grown.history_percentile, plain.history_percentile)
