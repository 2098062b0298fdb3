"""Columns of unusual types to simple ones."""

from datetime import time, timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from PIL import Image

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.columns import inference, kinds, simple_types


def simplified(cells: object, dtype: object = None) -> pl.Series:
    frame = pl.DataFrame({"c": pl.Series(cells, dtype=dtype)})  # type: ignore[arg-type]
    return simple_types.simplify_types(frame.lazy()).collect()["c"]


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["a", "b"])])
def test_simplify_types_categories_become_text(dtype: object) -> None:
    got = simplified(["b", "a", None], dtype)
    assert got.dtype == pl.String
    assert got.to_list() == ["b", "a", None]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_simplify_types_durations_become_seconds(unit: str) -> None:
    duration = pl.Duration(unit)  # type: ignore[arg-type]  # pytest passes any string
    cells = [timedelta(minutes=1, milliseconds=500), None]
    assert simplified(cells, duration).to_list() == [60.5, None]


def test_simplify_types_times_become_seconds_since_midnight() -> None:
    assert simplified([time(1, 0, 1, 500_000), time(0), None]).to_list() == [3601.5, 0.0, None]


def test_simplify_types_mongodb_objects_become_their_values(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text(
        '{"user_id": {"$oid": "65a1"}, "t": {"$date": {"$numberLong": "1600000000000"}}, '
        '"price": {"$numberDecimal": "2.5"}, "n": {"$numberInt": "3"}}\n'
        '{"user_id": {"$oid": "65a2"}, "t": null, "price": {"$numberDecimal": "3"}, "n": null}\n'
    )
    got = tables.scan(path, "interactions").frame.collect()
    assert got["user_id"].to_list() == ["65a1", "65a2"]
    assert got["t"].to_list() == ["1600000000000", None]
    assert got["price"].to_list() == ["2.5", "3"]
    assert got["n"].to_list() == ["3", None]


@pytest.mark.parametrize("fields", [{"$oid": "a", "more": 1}, {"oid": "a"}])
def test_simplify_types_other_objects_stay(fields: dict[str, object]) -> None:
    assert simplified([fields]).to_list() == [fields]


def test_simplify_types_utf_8_bytes_become_text() -> None:
    assert simplified([b"caf\xc3\xa9", None, b""]).to_list() == ["café", None, ""]


def test_simplify_types_invalid_bytes_after_the_sample_lose_only_their_letters() -> None:
    got = simplified([b"a"] * 200 + [b"Jos\xe9", None])
    assert got.dtype == pl.String
    assert got.to_list()[199:] == ["a", "Jos\ufffd", None]


def test_simplify_types_uuids_become_hexadecimal_digits() -> None:
    cells = [UUID(int=2**127 + k).bytes for k in range(3)]
    assert simplified([*cells, None]).to_list() == [*(cell.hex() for cell in cells), None]


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
def test_simplify_types_file_contents_stay_bytes(cell: bytes) -> None:
    assert simplified([cell, cell, None]).to_list() == [cell, cell, None]


def test_simplify_types_empty_byte_column_stays_bytes() -> None:
    assert simplified([None], pl.Binary).dtype == pl.Binary


def test_simplify_types_simple_columns_keep_the_plan() -> None:
    frame = pl.LazyFrame({"a": ["x"], "b": [1.5], "c": [[1]]})
    assert simple_types.simplify_types(frame) is frame


def test_scan_unusual_types_get_roles_and_features(tmp_path: Path) -> None:
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
    schema = inference.infer_schema(table, None, None, tmp_path).schema
    assert (schema.user, schema.item, schema.weight) == ("user_id", "item_id", "watch_time")
    assert table.frame.collect()["watch_time"].to_list() == [3.0, 60.0]
    features, _ = kinds.infer_features(table.head(), ["city", "opens", "length"], tmp_path)
    assert {f.name: f.kind for f in features} == {
        "city": "categorical",
        "opens": "numeric",
        "length": "numeric",
    }
