"""Intervals and paired tests keep their promises on values whose law is known."""

import numpy as np
import pytest

from m6rec_cli.evaluation import bootstrap


def test_poisson_table_has_mean_and_variance_one():
    assert bootstrap._POISSON.mean() == pytest.approx(1, abs=1e-3)
    assert bootstrap._POISSON.var() == pytest.approx(1, abs=1e-3)


def test_intervals_width_is_that_of_the_standard_error():
    values = np.random.default_rng(0).random(4000)
    low, high = bootstrap.intervals({"x": values}, resamples=2000, seed=0)["x"]
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(4000), rel=0.08)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    hits = 0
    for seed in range(200):
        low, high = bootstrap.intervals({"x": rng.random(80) < 0.3}, resamples=300, seed=seed)["x"]
        hits += low <= 0.3 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_intervals_missing_values_equal_the_column_without_them():
    values = np.arange(50.0)
    holes = np.concatenate([values, np.full(50, np.nan)])
    low, high = bootstrap.intervals({"x": holes, "y": np.ones(100)}, resamples=500, seed=0)["x"]
    assert low < values.mean() < high
    assert bootstrap.intervals({"x": np.full(4, np.nan)}, resamples=50, seed=0) == {}
    assert bootstrap.intervals({"x": values}, resamples=0, seed=0) == {}


def test_intervals_blocks_change_nothing(monkeypatch):
    columns = {"x": np.arange(30.0)}
    whole = bootstrap.intervals(columns, resamples=40, seed=5)
    monkeypatch.setattr(bootstrap, "_BLOCK_VALUES", 60)
    np.testing.assert_allclose(
        bootstrap.intervals(columns, resamples=40, seed=5)["x"], whole["x"], rtol=1e-6
    )


def test_sign_flip_p_value_is_exact_on_few_users():
    # Five users who all gain 1: of 32 sign patterns two are as far from 0.
    assert bootstrap.sign_flip(np.ones(5), flips=40000, seed=0) == pytest.approx(2 / 32, abs=0.005)


def test_sign_flip_no_difference_and_clear_difference():
    assert bootstrap.sign_flip(np.zeros(10), flips=1000, seed=0) == 1.0
    assert bootstrap.sign_flip(np.full(100, 0.1), flips=1000, seed=0) == pytest.approx(1 / 1001)
    assert bootstrap.sign_flip(np.tile([1.0, -1.0, np.nan], 20), flips=1000, seed=0) > 0.8
