"""Intervals and paired tests on values with a known distribution."""

import numpy as np
import pytest

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
