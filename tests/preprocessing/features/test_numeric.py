"""Numbers: transform, bounds and scale come from training rows; other rows are clipped."""

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from tests.preprocessing.features.columns import encode_column, fit_column


def test_numeric_is_standardised_by_training_rows() -> None:
    spec = fit_column([1.0, 2.0, 3.0, 4.0, 5.0], "numeric")
    assert spec.state["log1p"] is False
    assert np.allclose(encode_column([3.0, 5.0], spec), [0.0, np.sqrt(2)])
    assert encode_column([None, 3.0], spec)[0] is None


def test_numeric_heavy_tail_is_transformed_by_log1p() -> None:
    prices = np.exp(np.random.default_rng(0).normal(3, 1.5, 2000))
    spec = fit_column(prices, "numeric")
    assert spec.state["log1p"] is True
    encoded = np.array(encode_column(prices, spec))
    assert abs(encoded.mean()) < 1e-3
    assert abs(encoded.std() - 1) < 1e-3


def test_numeric_outliers_are_clipped_and_counted() -> None:
    rng = np.random.default_rng(0)
    spec = fit_column(np.append(rng.normal(50, 10, 500), [1e9, -1e9]), "numeric")
    assert abs(spec.state["mean"] - 50) < 2  # type: ignore[operator]
    assert spec.state["scale"] < 15  # type: ignore[operator]
    cleaning = CleaningLog()
    low, high, usual = encode_column([-1e9, 1e9, 50.0], spec, cleaning)
    assert -15 < low < -5 < usual < 5 < high < 15
    assert [r.changed for r in cleaning.rules if "outliers" in r.rule] == [2]


@pytest.mark.parametrize(("mads", "most"), [(0.0, 1000.0), (12.0, 100.0)])
def test_numeric_outlier_mads_set_the_upper_bound(mads: float, most: float) -> None:
    cells = [*map(float, range(20)), 1000.0]
    config = DataConfig(min_category_count=1, outlier_mads=mads)
    high = fit_column(cells, "numeric", config).state["high"]
    assert high is None if mads == 0 else 20 < high < most  # type: ignore[operator]


def test_numeric_long_tail_on_one_side_is_not_clipped() -> None:
    years = [1995] * 300 + [1990 + i % 8 for i in range(600)] + [1930 + i % 60 for i in range(120)]
    assert fit_column(years, "numeric").state["low"] < 1930  # type: ignore[operator]


@pytest.mark.parametrize("cells", [[5.0, 5.0], [None, None], [0.0, 0.0, 0.0, 9.0]])
def test_numeric_without_spread_stays_finite(cells: list[float | None]) -> None:
    spec = fit_column(cells, "numeric", dtype=pl.Float64)
    assert all(v is None or np.isfinite(v) for v in encode_column([5.0, 1e30, None], spec))


def test_numeric_outlier_of_a_mostly_zero_count_is_clipped() -> None:
    cells = [0.0] * 970 + [1.0, 2.0, 3.0] * 10
    usual, absurd = fit_column(cells, "numeric"), fit_column([*cells, 1e9], "numeric")
    assert absurd.state["high"] == 2.0 * DataConfig().outlier_mads
    assert absurd.state["low"] is None
    assert absurd.state["scale"] < 3 * usual.state["scale"]  # type: ignore[operator]


def test_numeric_mostly_constant_value_has_both_bounds() -> None:
    cells = [5.0] * 980 + [4.0, 7.0] * 10
    config = DataConfig(min_category_count=1, outlier_mads=10.0)
    state = fit_column(cells, "numeric", config).state
    assert (state["low"], state["high"]) == (-5.0, 25.0)


def test_numeric_bounds_follow_from_mad_and_outer_quantiles() -> None:
    cells = np.append(np.random.default_rng(0).normal(50, 10, 500), [1e9])
    config = DataConfig(min_category_count=1, outlier_mads=10.0)
    state = fit_column(cells, "numeric", config).state
    low, centre, high = np.quantile(cells, [0.05, 0.5, 0.95])
    mad = np.median(np.abs(cells - centre))
    assert state["high"] == pytest.approx(centre + 10 * max(mad, (high - centre) / 2.44))
    assert state["low"] == pytest.approx(centre - 10 * max(mad, (centre - low) / 2.44))


def test_numeric_na_of_r_is_missing_and_not_counted_as_a_word() -> None:
    cleaning = CleaningLog()
    spec = fit_column(["1", "2", "NA"], "numeric")
    assert encode_column(["1", "NA"], spec, cleaning)[1] is None
    assert [r.changed for r in cleaning.rules if "not a number" in r.rule] == [0]


def test_numeric_words_are_masked_and_counted() -> None:
    cleaning = CleaningLog()
    spec = fit_column(["1", "2", "x"], "numeric")
    assert encode_column(["1", "x", None], spec, cleaning)[1:] == [None, None]
    (rule,) = [r for r in cleaning.rules if "not a number" in r.rule]
    assert rule.changed == 1
    assert rule.examples == ["x"]
