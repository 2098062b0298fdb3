"""Fitting on training rows and encoding with what was fitted."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.data.store import feature_array
from m6rec_cli.preprocessing import bpe_tokenizer, encode, fit
from m6rec_cli.preprocessing.cleaning.rules import Cleaning
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import FeatureSpec, Kind

CONFIG = DataConfig(min_category_count=1)


def _fit(
    cells: object,
    kind: Kind,
    config: DataConfig = CONFIG,
    separator: str | None = None,
    dtype: object = None,
) -> FeatureSpec:
    frame = pl.DataFrame({"c": pl.Series(cells, dtype=dtype)})  # type: ignore[arg-type]
    (spec,) = fit.fit(frame, [FeatureColumn("f", "c", kind, separator)], "item", config, None)
    return spec


def _encode(cells: object, spec: FeatureSpec, cleaning: Cleaning | None = None) -> list:
    table, _ = encode.encode(
        pl.DataFrame({"c": cells}), [spec], Path(), Path(), "item", cleaning=cleaning
    )
    return table["f"].to_list()


def test_numeric_is_standardised_by_the_training_rows() -> None:
    spec = _fit([1.0, 2.0, 3.0, 4.0, 5.0], "numeric")
    assert spec.state["log1p"] is False
    assert np.allclose(_encode([3.0, 5.0], spec), [0.0, np.sqrt(2)])
    assert _encode([None, 3.0], spec)[0] is None


def test_numeric_heavy_tail_goes_through_log1p() -> None:
    prices = np.exp(np.random.default_rng(0).normal(3, 1.5, 2000))
    spec = _fit(prices, "numeric")
    assert spec.state["log1p"] is True
    encoded = np.array(_encode(prices, spec))
    assert abs(encoded.mean()) < 1e-3
    assert abs(encoded.std() - 1) < 1e-3


def test_numeric_absurd_values_are_clipped_and_counted() -> None:
    rng = np.random.default_rng(0)
    spec = _fit(np.append(rng.normal(50, 10, 500), [1e9, -1e9]), "numeric")
    assert abs(spec.state["mean"] - 50) < 2
    assert spec.state["scale"] < 15
    cleaning = Cleaning()
    low, high, usual = _encode([-1e9, 1e9, 50.0], spec, cleaning)
    assert -15 < low < -5 < usual < 5 < high < 15
    assert [r["changed"] for r in cleaning.rules if "outliers" in r["rule"]] == [2]


@pytest.mark.parametrize(("mads", "most"), [(0.0, 1000.0), (12.0, 100.0)])
def test_numeric_outlier_mads_say_how_far_is_too_far(mads: float, most: float) -> None:
    cells = [*map(float, range(20)), 1000.0]
    spec = _fit(cells, "numeric", DataConfig(min_category_count=1, outlier_mads=mads))
    high = spec.state["high"]
    assert high is None if mads == 0 else 20 < high < most


def test_numeric_long_tail_to_one_side_is_no_outlier() -> None:
    years = [1995] * 300 + [1990 + i % 8 for i in range(600)] + [1930 + i % 60 for i in range(120)]
    spec = _fit(years, "numeric")
    assert spec.state["low"] < 1930


@pytest.mark.parametrize("cells", [[5.0, 5.0], [None, None], [0.0, 0.0, 0.0, 9.0]])
def test_numeric_without_spread_stays_finite(cells: list) -> None:
    spec = _fit(cells, "numeric", dtype=pl.Float64)
    assert all(v is None or np.isfinite(v) for v in _encode([5.0, 1e30, None], spec))


def test_numeric_absurd_value_of_a_count_that_is_nearly_always_zero_is_clipped() -> None:
    cells = [0.0] * 970 + [1.0, 2.0, 3.0] * 10
    usual, absurd = _fit(cells, "numeric"), _fit([*cells, 1e9], "numeric")
    assert absurd.state["high"] == 2.0 * DataConfig().outlier_mads
    assert absurd.state["low"] is None
    assert absurd.state["scale"] < 3 * usual.state["scale"]


def test_numeric_mostly_constant_value_has_bounds_to_both_sides() -> None:
    cells = [5.0] * 980 + [4.0, 7.0] * 10
    state = _fit(cells, "numeric", DataConfig(min_category_count=1, outlier_mads=10.0)).state
    assert (state["low"], state["high"]) == (-5.0, 25.0)


def test_numeric_bounds_of_a_column_with_spread_do_not_look_beyond_it() -> None:
    cells = np.append(np.random.default_rng(0).normal(50, 10, 500), [1e9])
    state = _fit(cells, "numeric", DataConfig(min_category_count=1, outlier_mads=10.0)).state
    low, centre, high = np.quantile(cells, [0.05, 0.5, 0.95])
    mad = np.median(np.abs(cells - centre))
    assert state["high"] == pytest.approx(centre + 10 * max(mad, (high - centre) / 2.44))
    assert state["low"] == pytest.approx(centre - 10 * max(mad, (centre - low) / 2.44))


def test_numeric_gaps_that_r_writes_are_masked_and_no_odd_words() -> None:
    cleaning = Cleaning()
    spec = _fit(["1", "2", "NA"], "numeric")
    assert _encode(["1", "NA"], spec, cleaning)[1] is None
    assert [r.get("changed", 0) for r in cleaning.rules if "not a number" in r["rule"]] in ([], [0])


def test_numeric_words_are_masked_and_counted() -> None:
    cleaning = Cleaning()
    spec = _fit(["1", "2", "x"], "numeric")
    assert _encode(["1", "x", None], spec, cleaning)[1:] == [None, None]
    (rule,) = [r for r in cleaning.rules if "not a number" in r["rule"]]
    assert rule["changed"] == 1
    assert rule["examples"] == ["x"]


def test_categorical_common_values_have_codes_and_others_share_zero() -> None:
    spec = _fit(
        ["b", "a", "a", "b", "a", "rare", None, ""], "categorical", DataConfig(min_category_count=2)
    )
    assert spec.state["vocabulary"] == ["a", "b"]
    assert spec.size == 3
    assert _encode(["a", "b", "rare", "new", None, " a "], spec) == [1, 2, 0, 0, None, 1]


def test_categorical_numbers_and_text_have_one_spelling() -> None:
    spec = _fit([1.0, 2.0], "categorical")
    assert _encode(["1", "2"], spec) == _encode([1, 2], spec) == [1, 2]


def test_categorical_of_a_float_column_with_gaps_is_that_of_whole_numbers() -> None:
    spec = _fit(["12.0", None, "NA", "7.0", "12.0"], "categorical")
    assert spec.state["vocabulary"] == ["12", "7", "NA"]
    assert _encode(["12", "12.0", "7.0", "7.5"], spec) == [1, 1, 2, 0]


def test_categorical_whole_floats_in_the_fitted_rows_alone_are_found_again() -> None:
    """What is encoded has rows that were not fitted on, and the other way round."""
    spec = _fit(["12.0", "7.0"], "categorical")
    assert _encode(["12.0", "7.0", "twelve"], spec) == [1, 2, 0]
    mixed = _fit(["12.0", "7.0", "twelve"], "categorical")
    assert mixed.state["vocabulary"] == ["12.0", "7.0", "twelve"]
    assert _encode(["12.0", "7.0"], mixed) == [1, 2]


def test_categorical_with_an_empty_vocabulary_is_all_zero() -> None:
    spec = _fit(["a", "b"], "categorical", DataConfig(min_category_count=5))
    assert spec.size == 1
    assert _encode(["a", None], spec) == [0, None]


def test_set_members_are_coded_once_and_cut() -> None:
    spec = _fit(
        ["x|y", "x", "y|z|x", None], "set", DataConfig(min_category_count=2, set_length=2), "|"
    )
    assert spec.state["vocabulary"] == ["x", "y"]
    assert spec.length == 2
    assert _encode(["y|x", "q|r|x", "x|x", None, ""], spec) == [[2, 1], [0, 1], [1], None, None]


def test_set_of_lists_needs_no_separator() -> None:
    spec = _fit([["x", "y"], ["x"]], "set")
    assert _encode([["y"], []], spec) == [[2], None]


def test_text_is_tokenised_in_any_language(tmp_path: Path) -> None:
    texts = ["红色的椅子", "红色的桌子", "A red chair", "a RED table"] * 3
    frame = pl.DataFrame({"c": texts})
    column = FeatureColumn("f", "c", "text")
    tokenizer = bpe_tokenizer.train(fit.texts(frame, [column]), 400)
    tokenizer.save(str(tmp_path / bpe_tokenizer.FILE))
    (spec,) = fit.fit(frame, [column], "item", DataConfig(text_length=6), tokenizer)
    cells = ["红色的椅子", "A RED chair", "never seen: žluťoučký", None, " "]
    table, _ = encode.encode(pl.DataFrame({"c": cells}), [spec], tmp_path, Path(), "item")
    chinese, english, new, *missing = table["f"].to_list()
    assert chinese
    assert (
        english
        == encode.encode(pl.DataFrame({"c": ["a red chair"]}), [spec], tmp_path, Path(), "item")[0][
            "f"
        ][0].to_list()
    )
    assert 0 < len(new) <= spec.length <= 6
    assert max(chinese + english + new) < spec.size
    assert missing == [None, None]


@pytest.mark.parametrize(
    ("content", "what"), [(None, "the tokenizer is missing"), ("{", "the tokenizer is damaged")]
)
def test_text_faulty_tokenizer_is_named(tmp_path: Path, content: str | None, what: str) -> None:
    if content:
        (tmp_path / bpe_tokenizer.FILE).write_text(content)
    with pytest.raises(M6RecError, match=what):
        bpe_tokenizer.load(tmp_path)


def test_vector_is_standardised_and_masked_where_it_does_not_fit() -> None:
    spec = _fit(["1 2", "3 6", None], "vector")
    assert spec.size == 2
    _, arrays = encode.encode(
        pl.DataFrame({"c": ["1 2", "1 2 3", None, "3 6"]}), [spec], Path(), Path(), "item"
    )
    array = arrays["f"]
    assert array.mask.tolist() == [True, False, False, True]
    assert np.allclose(array.values[0], -array.values[3])
    assert not array.values[1:3].any()


def test_vector_of_two_lengths_is_an_error() -> None:
    with pytest.raises(M6RecError, match="the vectors of column `c` do not have one length"):
        _fit([[1.0, 2.0], [1.0]], "vector")


def test_vector_of_another_length_among_many_is_masked() -> None:
    cells = [[1.0, 2.0]] * 10 + [[3.0, 6.0]] * 9 + [[7.0]]
    spec = _fit(cells, "vector")
    assert spec.size == 2
    cleaning = Cleaning()
    _, arrays = encode.encode(
        pl.DataFrame({"c": cells}), [spec], Path(), Path(), "item", cleaning=cleaning
    )
    assert arrays["f"].mask.tolist() == [True] * 19 + [False]
    assert sum(rule.get("changed", 0) for rule in cleaning.rules) == 1


def test_vector_that_no_training_row_has_is_masked() -> None:
    spec = _fit([None, ""], "vector", dtype=pl.String)
    _, arrays = encode.encode(pl.DataFrame({"c": ["1 2"]}), [spec], Path(), Path(), "item")
    assert not arrays["f"].mask.any()


def test_encode_absent_column_is_missing_everywhere() -> None:
    spec = _fit(["a", "b"], "categorical")
    table, _ = encode.encode(pl.DataFrame({"other": [1, 2]}), [spec], Path(), Path(), "item")
    assert table["f"].to_list() == [None, None]


def test_encode_without_features_keeps_nothing() -> None:
    table, arrays = encode.encode(pl.DataFrame({"id": ["a"]}), [], Path(), Path(), "user")
    assert table.width == 0
    assert arrays == {}


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.none() | st.lists(st.sampled_from("abcdefg"), max_size=5), min_size=1, max_size=20)
)
def test_set_round_trip_gives_back_the_members(rows: list[list[str] | None]) -> None:
    cells = pl.Series([None if r is None else "|".join(r) for r in rows], dtype=pl.String)
    spec = _fit(cells, "set", CONFIG, "|")
    encoded = _encode(cells, spec)
    for row, codes in zip(rows, encoded, strict=True):
        assert (codes or []) == [
            spec.state["vocabulary"].index(m) + 1 for m in dict.fromkeys(row or [])
        ]
    table = pl.DataFrame({"f": pl.Series(encoded, dtype=pl.List(pl.UInt32))})
    assert feature_array(spec, table, Path()).mask.tolist() == [bool(r) for r in rows]
