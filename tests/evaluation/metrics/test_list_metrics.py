"""List metrics against hand arithmetic and against their definitions as loops."""

import math

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.evaluation.metrics._base import Catalogue, Lists, share_rows, unit_rows
from m6rec_cli.evaluation.metrics.popularity_bias import positions
from m6rec_cli.system import registry


def catalogue(popularity, vectors=None, groups=None, history=None, users=2):
    n = len(popularity)
    return Catalogue(
        np.array(popularity),
        unit_rows(sparse.csr_array(np.eye(n) if vectors is None else np.array(vectors, float))),
        share_rows(sparse.csr_array(np.eye(n) if groups is None else np.array(groups, float))),
        sparse.csr_array(np.zeros((users, n)) if history is None else np.array(history, float)),
    )


def at(metric, items, k, about):
    return registry.load("evaluation.metrics", metric).at(
        Lists(np.array(items, np.int32)), k, about
    )


def test_coverage_counts_different_items_over_the_catalogue():
    assert at("coverage", [[0, 1, 2], [1, 0, -1]], 2, catalogue([1] * 8)) == 2 / 8


def test_gini_even_exposure_is_zero_and_one_item_is_near_one():
    assert at("gini", [[0, 1], [2, 3]], 2, catalogue([1] * 4)) == pytest.approx(0)
    # Exposure 0, 0, 0, 2: (2 * 4 - 4 - 1) * 2 / (4 * 2).
    assert at("gini", [[3], [3]], 1, catalogue([1] * 4)) == pytest.approx(3 / 4)


def test_gini_of_nothing_shown_is_nan():
    assert math.isnan(at("gini", [[-1], [-1]], 1, catalogue([1] * 4)))


def test_novelty_is_bits_of_the_smoothed_share():
    got = at("novelty", [[0, 2], [-1, -1]], 2, catalogue([5, 0, 0]))
    # Shares (5 + 1) / 8 and 1 / 8.
    assert got[0] == pytest.approx((-math.log2(6 / 8) + 3) / 2)
    assert math.isnan(got[1])


def test_diversity_is_one_minus_the_mean_cosine_of_pairs():
    vectors = [[1, 0], [1, 1], [0, 2], [0, 0]]
    got = at(
        "diversity",
        [[0, 1, 2], [0, 3, -1], [1, -1, -1], [2, 2, -1]],
        3,
        catalogue([1] * 4, vectors, users=4),
    )
    half = math.sqrt(0.5)
    assert got[0] == pytest.approx(1 - (half + half + 0) / 3)
    assert got[1] == pytest.approx(1)
    assert math.isnan(got[2])


def test_popularity_positions_average_to_half_over_events():
    popularity = np.array([7, 3, 3, 0, 1])
    assert positions(popularity) @ popularity / popularity.sum() == pytest.approx(0.5)
    assert positions(popularity)[1] == positions(popularity)[2] == pytest.approx((1 + 3) / 14)


def test_popularity_bias_is_zero_for_a_list_like_the_history():
    history = [[1, 0, 1, 0], [0, 0, 0, 0]]
    got = at("popularity_bias", [[2, 0], [0, 1]], 2, catalogue([9, 4, 2, 1], history=history))
    assert got[0] == pytest.approx(0)
    assert math.isnan(got[1])
    more = at(
        "popularity_bias", [[0, 1], [0, 1]], 2, catalogue([9, 4, 2, 1], history=[[0, 0, 1, 1]] * 2)
    )
    assert (more > 0).all()


def test_calibration_is_steck_divergence():
    groups = [[1, 0], [0, 1], [1, 1]]
    history = [[3, 1, 0], [0, 0, 2], [0, 0, 0]]
    got = at(
        "calibration",
        [[0, 1], [2, -1], [0, 1]],
        2,
        catalogue([1] * 3, groups=groups, history=history),
    )
    p, q = (0.75, 0.25), (0.5, 0.5)
    expected = sum(a * math.log(a / (0.99 * b + 0.01 * a)) for a, b in zip(p, q, strict=True))
    assert got[0] == pytest.approx(expected)
    assert got[1] == pytest.approx(0)
    assert math.isnan(got[2])


def test_calibration_group_that_is_not_shown_stays_finite():
    got = at("calibration", [[1], [1]], 1, catalogue([1, 1], history=[[1, 0], [0, 1]]))
    assert got[0] == pytest.approx(math.log(1 / 0.01))
    assert got[1] == pytest.approx(0)


def test_calibration_without_any_group_has_no_value():
    got = at(
        "calibration",
        [[0], [1]],
        1,
        catalogue([1, 1], groups=[[0, 0], [0, 0]], history=[[1, 0], [0, 1]]),
    )
    assert np.isnan(got).all()
