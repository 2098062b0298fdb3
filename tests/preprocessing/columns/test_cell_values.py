"""Raw cells of every type: text, ids, categories, numbers, lists, vectors, and missing cells."""

from datetime import date

import polars as pl
import pytest

from m6rec_cli.preprocessing.columns import cell_values


def _apply(make, series: pl.Series, *more):  # type: ignore[no-untyped-def]
    frame = series.alias("c").to_frame()
    return frame.select(make("c", frame.schema["c"], *more).alias("r"))["r"].to_list()


def test_text_missing_words_are_null_except_none_and_na() -> None:
    cells = pl.Series(
        [" a ", "", "  ", "nan", "NaN", "NULL", "None", "N/A", "\\N", "none", "NA", None]
    )
    assert _apply(cell_values.text, cells) == ["a"] + [None] * 8 + ["none", "NA", None]


@pytest.mark.parametrize("dtype", [pl.List(pl.String), pl.Array(pl.String, 2)])
def test_text_list_members_are_joined(dtype: pl.DataType) -> None:
    cells = pl.Series([["One. ", "Two."], [None, "Three."], [None, " "], None], dtype=dtype)
    assert _apply(cell_values.text, cells) == ["One.  Two.", "Three.", None, None]


def test_text_numbers_and_nested_lists_are_joined() -> None:
    assert _apply(cell_values.text, pl.Series([[1, 2], []])) == ["1 2", None]
    assert _apply(cell_values.text, pl.Series([[["a"], ["b"]], []])) == ["a b", None]


def test_text_whole_floats_lose_their_decimal_zero() -> None:
    assert _apply(cell_values.text, pl.Series([17850.0, 0.5, float("nan"), None])) == [
        "17850",
        "0.5",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("cells", "want"),
    [
        (["1.0", "22.0", None, "nan"], ["1", "22", None, None]),
        (["1.0", "22.5"], ["1.0", "22.5"]),
        (["007", "7"], ["007", "7"]),
        ([1, 2], ["1", "2"]),
        ([1.0, 2.0], ["1", "2"]),
        (["a", " NA ", None], ["a", None, None]),
        (["1.0", "NA", "2.0"], ["1", None, "2"]),
    ],
)
def test_identifier_is_the_string_of_the_cell(cells: list[object], want: list[str | None]) -> None:
    series = pl.Series(cells, strict=False)
    assert _apply(cell_values.identifier, series, series) == want


def test_category_is_an_identifier_that_keeps_na() -> None:
    for cells, want in ((["12.0", "NA", "3.0"], ["12", "NA", "3"]), (["12.0", "a"], ["12.0", "a"])):
        series = pl.Series(cells)
        assert _apply(cell_values.category, series, series) == want


def test_number_reads_currencies_thousands_and_dates_only() -> None:
    cells = pl.Series(
        ["$1,299.50", "-3", "1e3", "12,15", "1 2", "x", "inf", "nan", "1970-01-11", "7 €"]
    )
    assert _apply(cell_values.number, cells) == [
        1299.5,
        -3.0,
        1000.0,
        None,
        None,
        None,
        None,
        None,
        10.0,
        7.0,
    ]
    money = pl.Series(
        ["19.99 EUR", "USD 5", "-EUR 7.50", "1,299.00 zł", "₹30", "12 kr", "5 XYZ", "EUR", "EUR5"]
    )
    assert _apply(cell_values.number, money) == [
        19.99,
        5.0,
        -7.5,
        1299.0,
        30.0,
        12.0,
        None,
        None,
        None,
    ]
    assert _apply(cell_values.number, pl.Series([date(1970, 1, 2), None])) == [1.0, None]
    assert _apply(cell_values.number, pl.Series([1, None])) == [1.0, None]


def test_members_of_text_equal_those_of_lists() -> None:
    want = [["a", "b"], ["c"], None, None]
    assert _apply(cell_values.members, pl.Series(["a| b", "c", "", None]), "|") == want
    assert _apply(cell_values.members, pl.Series(["['a', 'b']", '["c"]', "[]", None]), ",") == want
    assert _apply(cell_values.members, pl.Series([["a", " b"], ["c"], [], None]), None) == want
    assert _apply(cell_values.members, pl.Series([[1, 2], [3]]), None) == [["1", "2"], ["3"]]
    assert _apply(cell_values.members, pl.Series([[["a"], ["b"]], [["c"], []], []]), None) == [
        ["a", "b"],
        ["c"],
        None,
    ]


def test_vector_of_text_equals_that_of_lists_and_arrays() -> None:
    want = [[0.5, -1.0, 200.0], None]
    assert _apply(cell_values.vector, pl.Series(["[0.5, -1, 2e2]", None])) == want
    assert _apply(cell_values.vector, pl.Series(["0.5 -1.0 200", ""])) == want
    assert _apply(cell_values.vector, pl.Series([[0.5, -1.0, 200.0], None])) == want
    assert _apply(cell_values.vector, pl.Series([[0.5, -1.0, 200.0], []])) == want
    assert (
        _apply(
            cell_values.vector, pl.Series([[0.5, -1.0, 200.0], None], dtype=pl.Array(pl.Float64, 3))
        )
        == want
    )


def test_members_takes_the_values_of_a_key_from_objects() -> None:
    cells = [
        "[{'id': 18, 'name': 'Drama'}, {'id': 35, 'name': \"Children's\"}]",
        '{"id": 3, "name": "Sea, sun"}',
        "[{'id': 7, 'name': None}]",
        "[]",
    ]
    frame = pl.DataFrame({"g": cells})
    dtype = frame.schema["g"]
    names = frame.select(cell_values.members("g", dtype, "{name}")).to_series()
    assert names.to_list() == [["Drama", "Children's"], ["Sea, sun"], None, None]
    numbers = frame.select(cell_values.members("g", dtype, "{id}")).to_series()
    assert numbers.to_list() == [["18", "35"], ["3"], ["7"], None]
