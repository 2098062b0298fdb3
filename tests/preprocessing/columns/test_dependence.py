"""Columns of an event log to what they depend on, in logs where that is known."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing.columns.dependence import Dependence, measure_dependence

LINES = 2000


def random_log(seed: int, n: int = LINES, n_items: int = 40, n_users: int = 100) -> pl.DataFrame:
    """Purchases that depend on nothing."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {"user": rng.integers(0, n_users, n), "item": rng.integers(0, n_items, n)}
    ).with_columns(line=pl.int_range(pl.len()))


def measure(log: pl.DataFrame, value: pl.Expr) -> Dependence:
    return measure_dependence(
        log.lazy(), value=value, item=pl.col("item"), user=pl.col("user"), time=pl.col("line")
    )


ITEM, USER, LINE = pl.col("item"), pl.col("user"), pl.col("line")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (ITEM % 7, None),
        (pl.format("title {}", ITEM), None),
        (USER % 7, "depends on the user"),
        (pl.format("city {}", USER % 5), "depends on the user"),
        (LINE, "depends on the time"),
        (pl.format("week {}", LINE // 100), "depends on the time"),
        (pl.format("review {}", LINE * 7919 % 2003), "differs between the lines"),
        (LINE * 7919 % 5, "differs between the lines"),
        (pl.lit("EUR").repeat_by(1).list.first() + (ITEM * 0).cast(pl.String), "all its cells"),
    ],
)
def test_why_not_item_names_what_the_column_depends_on(value: pl.Expr, reason: str | None) -> None:
    found = measure(random_log(0), value).why_not_item()
    assert (found is None) == (reason is None)
    assert reason is None or reason in str(found)


def test_measure_dependence_of_an_item_column_with_errors_is_the_items() -> None:
    wrong = pl.when(LINE % 10 == 0).then(LINE % 13).otherwise(ITEM % 13)
    assert measure(random_log(1), wrong).why_not_item() is None


def test_measure_dependence_without_items_of_several_lines_says_so() -> None:
    log = pl.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 3, 4], "line": [0, 1, 2, 3]})
    assert "no item has several lines" in str(measure(log, pl.format("t{}", ITEM)).why_not_item())


def test_measure_dependence_of_a_column_of_a_single_buyer_is_the_users() -> None:
    """Each item has one buyer, so the buyer's city agrees within items as often as the brand."""
    log = random_log(2).with_columns(item=pl.col("user") * 10 + pl.col("item") % 4)
    assert "user" in str(measure(log, pl.format("city {}", USER % 9)).why_not_item())
    assert measure(log, pl.format("brand {}", ITEM % 10)).why_not_item() is None


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n_values=st.integers(2, 1000))
def test_measure_dependence_of_noise_is_near_zero_for_any_number_of_values(
    seed: int, n_values: int
) -> None:
    log = random_log(seed)
    noise = pl.Series(np.random.default_rng(seed + 1).integers(0, n_values, len(log)))
    found = measure(log.with_columns(noise=noise.cast(pl.String)), pl.col("noise"))
    assert found.item == pytest.approx(0, abs=0.1)
    assert found.user == pytest.approx(0, abs=0.1)
    assert found.time == pytest.approx(0, abs=0.1)
