"""Intervals and paired tests on values with a known distribution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m6rec_cli.evaluation import statistics


def test_resample_weights_are_poisson_with_mean_and_variance_one():
    weights = np.concatenate(list(statistics.resample_weights(1000, 500, seed=0)))
    assert weights.shape == (500, 1000)
    assert weights.mean() == pytest.approx(1, abs=0.01)
    assert weights.var() == pytest.approx(1, abs=0.01)


def test_intervals_width_equals_that_of_the_standard_error():
    values = np.random.default_rng(0).random(4000)
    low, high = statistics.intervals({"x": values}, resamples=2000, seed=0)["x"]
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(4000), rel=0.08)


def test_intervals_cover_the_true_mean_in_about_95_percent_of_samples():
    rng = np.random.default_rng(1)
    hits = 0
    for seed in range(200):
        low, high = statistics.intervals({"x": rng.random(80) < 0.3}, resamples=300, seed=seed)["x"]
        hits += low <= 0.3 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_intervals_of_a_column_with_nan_resample_only_the_other_users():
    values = np.arange(50.0)
    column = np.full(100, np.nan)
    column[::2] = values
    (weights,) = statistics.resample_weights(100, 500, seed=0)
    means = weights[:, ::2] @ values / weights[:, ::2].sum(axis=1)
    got = statistics.intervals({"x": column, "y": np.ones(100)}, resamples=500, seed=0)
    np.testing.assert_allclose(got["x"], np.quantile(means, (0.025, 0.975)), rtol=1e-6)
    assert got["y"] == [1.0, 1.0]


def test_intervals_of_a_column_do_not_depend_on_other_columns():
    x, y = np.random.default_rng(2).random((2, 40))
    alone = statistics.intervals({"x": x}, resamples=200, seed=3)["x"]
    together = statistics.intervals({"y": y, "x": x}, resamples=200, seed=3)["x"]
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_intervals_without_values_or_resamples_are_empty():
    assert statistics.intervals({"x": np.full(4, np.nan)}, resamples=50, seed=0) == {}
    assert statistics.intervals({"x": np.arange(50.0)}, resamples=0, seed=0) == {}


def test_intervals_do_not_depend_on_the_block_size(monkeypatch):
    columns = {"x": np.arange(30.0)}
    whole = statistics.intervals(columns, resamples=40, seed=5)
    monkeypatch.setattr(statistics, "BLOCK_VALUES", 60)
    np.testing.assert_allclose(
        statistics.intervals(columns, resamples=40, seed=5)["x"], whole["x"], rtol=1e-6
    )


def test_sign_flip_p_value_is_exact_for_few_users():
    # Five users gain 1 each: 2 of the 32 sign patterns are as far from 0.
    p = statistics.sign_flip(np.ones(5), flips=40000, seed=0)
    assert p == pytest.approx(2 / 32, abs=0.005)


def test_sign_flip_no_difference_gives_1_and_clear_difference_the_minimum():
    assert statistics.sign_flip(np.zeros(10), flips=1000, seed=0) == 1.0
    assert statistics.sign_flip(np.full(100, 0.1), flips=1000, seed=0) == pytest.approx(1 / 1001)
    assert statistics.sign_flip(np.tile([1.0, -1.0, np.nan], 20), flips=1000, seed=0) > 0.8


BH_REST = (0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0)


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        # The worked example of Holm's method in Wikipedia, "Holm-Bonferroni method": at .05 the
        # first and the fourth hypothesis are rejected, the others are not.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # The 15 p-values of Benjamini and Hochberg (1995), section 4: Bonferroni and Holm reject
        # three at .05, by hand .0001 * 15, .0004 * 14, .0019 * 13, .0095 * 12 and so on.
        (
            [*(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459), *BH_REST],
            [0.0015, 0.0056, 0.0247, 0.1140, 0.2211, 0.2780, 0.2780, 0.2780, 0.3213] + [1.0] * 6,
        ),
        ([0.2], [0.2]),
        ([], []),
    ],
)
def test_holm_equals_published_worked_examples(p_values, adjusted):
    np.testing.assert_allclose(statistics.holm(p_values), adjusted, atol=1e-12)


@given(
    st.lists(st.sampled_from([0.001, 0.01, 0.02, 0.05, 0.3, 1.0]), min_size=1, max_size=9),
    st.sampled_from([0.01, 0.05, 0.1]),
)
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values, level):
    # The procedure as Holm states it: compare the smallest with level / n, the next with
    # level / (n - 1), and stop at the first that is larger.
    rejected, n = [], len(p_values)
    for step, at in enumerate(sorted(range(n), key=lambda i: p_values[i])):
        if p_values[at] > level / (n - step) * (1 + 1e-9):
            break
        rejected.append(at)
    got = [i for i, p in enumerate(statistics.holm(p_values)) if p <= level * (1 + 1e-9)]
    assert got == sorted(rejected)
