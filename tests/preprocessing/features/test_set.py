"""Sets: distinct codes of the members, cut to the configured length."""

from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.data.feature_arrays import column_array
from m6rec_cli.preprocessing.columns.kinds import infer_column
from tests.preprocessing.features.columns import KEEP_RARE, encode_column, fit_column


def test_set_members_are_coded_once_and_cut() -> None:
    config = DataConfig(min_category_count=2, set_length=2)
    spec = fit_column(["x|y", "x", "y|z|x", None], "set", config, "|")
    assert spec.state["vocabulary"] == ["x", "y"]
    assert spec.length == 2
    cells = ["y|x", "q|r|x", "x|x", None, ""]
    assert encode_column(cells, spec) == [[2, 1], [0, 1], [1], None, None]


def test_set_of_lists_needs_no_separator() -> None:
    spec = fit_column([["x", "y"], ["x"]], "set")
    assert encode_column([["y"], []], spec) == [[2], None]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.none() | st.lists(st.sampled_from("abcdefg"), max_size=5), min_size=1, max_size=20)
)
def test_set_codes_decode_to_the_members(rows: list[list[str] | None]) -> None:
    cells = pl.Series([None if r is None else "|".join(r) for r in rows], dtype=pl.String)
    spec = fit_column(cells, "set", KEEP_RARE, "|")
    vocabulary = spec.state["vocabulary"]
    assert isinstance(vocabulary, list)
    encoded = encode_column(cells, spec)
    for row, codes in zip(rows, encoded, strict=True):
        assert [vocabulary[code - 1] for code in codes or []] == list(dict.fromkeys(row or []))
    table = pl.DataFrame({"f": pl.Series(encoded, dtype=pl.List(pl.UInt32))})
    assert column_array(spec, table).mask.tolist() == [bool(r) for r in rows]


def test_lists_of_sentences_are_a_text(tmp_path: Path) -> None:
    cells = pl.Series("notes", [["it is a cup of tea", "and it is warm"], ["one more of these"]])
    found = infer_column(cells, tmp_path)
    assert not isinstance(found, str)
    assert [f.kind for f in found] == ["text"]
