"""Column types that nobody asks about to plain ones."""

from datetime import time, timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from PIL import Image

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.columns import inference, kinds, simple_types


def _plain(cells: object, dtype: object = None) -> pl.Series:
    frame = pl.DataFrame({"c": pl.Series(cells, dtype=dtype)})  # type: ignore[arg-type]
    return simple_types.columns(frame.lazy()).collect()["c"]


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["a", "b"])])
def test_columns_of_categories_become_text(dtype: object) -> None:
    got = _plain(["b", "a", None], dtype)
    assert got.dtype == pl.String
    assert got.to_list() == ["b", "a", None]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_columns_of_spans_become_seconds(unit: str) -> None:
    assert _plain([timedelta(minutes=1, milliseconds=500), None], pl.Duration(unit)).to_list() == [
        60.5,
        None,
    ]  # type: ignore[arg-type]


def test_columns_of_times_become_seconds_of_the_day() -> None:
    assert _plain([time(1, 0, 1, 500_000), time(0), None]).to_list() == [3601.5, 0.0, None]


def test_columns_wrapped_by_mongodb_become_their_values(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text(
        '{"user_id": {"$oid": "65a1"}, "t": {"$date": {"$numberLong": "1600000000000"}}, "price": {"$numberDecimal": "2.5"}, "n": {"$numberInt": "3"}}\n'
        '{"user_id": {"$oid": "65a2"}, "t": null, "price": {"$numberDecimal": "3"}, "n": null}\n'
    )
    got = tables.scan(path, "interactions").frame.collect()
    assert got["user_id"].to_list() == ["65a1", "65a2"]
    assert got["t"].to_list() == ["1600000000000", None]
    assert got["price"].to_list() == ["2.5", "3"]
    assert got["n"].to_list() == ["3", None]


@pytest.mark.parametrize("fields", [{"$oid": "a", "more": 1}, {"oid": "a"}])
def test_columns_of_other_objects_stay(fields: dict[str, object]) -> None:
    assert _plain([fields]).to_list() == [fields]


def test_columns_of_bytes_that_are_text_become_text() -> None:
    assert _plain([b"caf\xc3\xa9", None, b""]).to_list() == ["café", None, ""]


def test_columns_of_bytes_beyond_the_sample_that_are_no_text_lose_letters_alone() -> None:
    got = _plain([b"a"] * 200 + [b"Jos\xe9", None])
    assert got.dtype == pl.String
    assert got.to_list()[199:] == ["a", "Jos\ufffd", None]


def test_columns_of_uuids_become_hexadecimal_digits() -> None:
    cells = [UUID(int=2**127 + k).bytes for k in range(3)]
    assert _plain([*cells, None]).to_list() == [*(cell.hex() for cell in cells), None]


def _picture(form: str) -> bytes:
    out = BytesIO()
    Image.new("RGB", (4, 4)).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    "cell",
    [
        *map(_picture, ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")),
        b"GIF89a that is text",
        b"RIFF1234WAVEfmt",
        b"PK\x03\x04",
        b"with a \0",
    ],
)
def test_columns_of_files_stay_bytes(cell: bytes) -> None:
    assert _plain([cell, cell, None]).to_list() == [cell, cell, None]


def test_columns_of_bytes_without_any_cell_stay_bytes() -> None:
    assert _plain([None], pl.Binary).dtype == pl.Binary


def test_columns_without_such_types_are_the_same_plan() -> None:
    frame = pl.LazyFrame({"a": ["x"], "b": [1.5], "c": [[1]]})
    assert simple_types.columns(frame) is frame


def test_scan_odd_types_are_read_as_roles_and_features(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "user_id": pl.Series(["a", "b"], dtype=pl.Categorical),
            "item_id": [b"x", b"y"],
            "watch_time": [timedelta(seconds=3), timedelta(minutes=1)],
            "city": [b"Ulm", b"Bonn"],
            "opens": [time(9), time(10, 30)],
            "length": [timedelta(minutes=4), None],
        }
    )
    frame.write_parquet(tmp_path / "e.parquet")
    table = tables.scan(tmp_path / "e.parquet", "interactions")
    schema, _, _ = inference.infer(table, None, None, tmp_path)
    assert (schema.user, schema.item, schema.weight) == ("user_id", "item_id", "watch_time")
    assert table.frame.collect()["watch_time"].to_list() == [3.0, 60.0]
    found = {
        name: kinds.of_column(table.head()[name], tmp_path) for name in ("city", "opens", "length")
    }
    assert found == {
        "city": ("categorical", None),
        "opens": ("numeric", None),
        "length": ("numeric", None),
    }
