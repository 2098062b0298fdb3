"""Categories: frequent ones have codes, rare and unknown ones share code 0."""

from m6rec_cli.config.settings import DataConfig
from tests.preprocessing.features.columns import encode_column, fit_column


def test_categorical_frequent_values_have_codes_and_others_share_zero() -> None:
    cells = ["b", "a", "a", "b", "a", "rare", None, ""]
    spec = fit_column(cells, "categorical", DataConfig(min_category_count=2))
    assert spec.state["vocabulary"] == ["a", "b"]
    assert spec.size == 3
    assert encode_column(["a", "b", "rare", "new", None, " a "], spec) == [1, 2, 0, 0, None, 1]


def test_categorical_numbers_and_text_are_the_same_category() -> None:
    spec = fit_column([1.0, 2.0], "categorical")
    assert encode_column(["1", "2"], spec) == encode_column([1, 2], spec) == [1, 2]


def test_categorical_float_column_with_gaps_gives_whole_numbers() -> None:
    spec = fit_column(["12.0", None, "NA", "7.0", "12.0"], "categorical")
    assert spec.state["vocabulary"] == ["12", "7", "NA"]
    assert encode_column(["12", "12.0", "7.0", "7.5"], spec) == [1, 1, 2, 0]


def test_categorical_spelling_follows_the_fitted_rows() -> None:
    """Encoded rows may differ from the fitted ones in whether all of them are whole floats."""
    spec = fit_column(["12.0", "7.0"], "categorical")
    assert encode_column(["12.0", "7.0", "twelve"], spec) == [1, 2, 0]
    mixed = fit_column(["12.0", "7.0", "twelve"], "categorical")
    assert mixed.state["vocabulary"] == ["12.0", "7.0", "twelve"]
    assert encode_column(["12.0", "7.0"], mixed) == [1, 2]


def test_categorical_with_an_empty_vocabulary_is_all_zero() -> None:
    spec = fit_column(["a", "b"], "categorical", DataConfig(min_category_count=5))
    assert spec.size == 1
    assert encode_column(["a", None], spec) == [0, None]
