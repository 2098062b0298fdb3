"""Decimal commas in the text columns of every format."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.columns.decimal_commas import with_decimal_points

WRITERS = {
    "e.csv": pl.DataFrame.write_csv,
    "e.jsonl": pl.DataFrame.write_ndjson,
    "e.json": pl.DataFrame.write_json,
    "e.parquet": pl.DataFrame.write_parquet,
    "e.arrow": pl.DataFrame.write_ipc,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("cells", "want"),
    [
        (["12,50", "3,99"], ["12.50", "3.99"]),
        (["12,50 €", "3,00 €"], ["12.50 €", "3.00 €"]),
        (["12,5 €", "3 €"], ["12.5 €", "3 €"]),
        (["1.234,56", "2,5"], ["1234.56", "2.5"]),
        (["1,2", "3,14"], ["1,2", "3,14"]),
        (["1,234", "5,678"], ["1,234", "5,678"]),
        (["$1,234", "$5,678"], ["$1,234", "$5,678"]),
    ],
)
def test_scan_decimal_commas_are_one_rule_for_all_formats(
    tmp_path: Path, name: str, cells: list[str], want: list[str]
) -> None:
    WRITERS[name](pl.DataFrame({"item_id": ["a", "b"], "price": cells}), tmp_path / name)
    table = tables.scan(tmp_path / name, "items")
    assert table.frame.collect()["price"].to_list() == want
    is_said = f"decimal points in `price` (first: `{cells[0]}`)" in str(table.warning)
    assert is_said == (cells != want)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=30), st.sampled_from(["", " €", " kr"]))
def test_with_decimal_points_round_trips_amounts(cents: list[int], currency: str) -> None:
    written = [f"{n // 100:,}".replace(",", ".") + f",{n % 100:02}{currency}" for n in cents]
    frame, found = with_decimal_points(pl.LazyFrame({"p": written}))
    assert frame.collect()["p"].to_list() == [f"{n / 100:.2f}{currency}" for n in cents]
    assert found == {"p": written[0]}
