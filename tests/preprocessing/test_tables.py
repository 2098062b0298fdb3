"""Tables: all formats give the same records, and errors name the file."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.readers._base import READERS
from m6rec_cli.preprocessing.tables import ROW
from m6rec_cli.system.errors import M6RecError

RECORDS = pl.DataFrame(
    {"user_id": ["007", "b", "c"], "item_id": ["x", "1.0", "z"], "rating": [1.5, 2.0, 3.0]}
)


def _csv(path: Path) -> None:
    RECORDS.write_csv(path)


def _gz(path: Path) -> None:
    path.write_bytes(gzip.compress(RECORDS.write_csv().encode()))


WRITERS = {
    "e.csv": _csv,
    "e.csv.gz": _gz,
    "e.tsv": lambda p: RECORDS.write_csv(p, separator="\t"),
    "semicolon.csv": lambda p: RECORDS.write_csv(p, separator=";"),
    "e.jsonl": lambda p: RECORDS.write_ndjson(p),
    "e.jsonl.gz": lambda p: p.write_bytes(gzip.compress(RECORDS.write_ndjson().encode())),
    "e.parquet": lambda p: RECORDS.write_parquet(p),
    "e.arrow": lambda p: RECORDS.write_ipc(p),
    "e.inter": lambda p: p.write_text(
        "user_id:token\titem_id:token\trating:float\n007\tx\t1.5\nb\t1.0\t2.0\nc\tz\t3.0\n"
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_scan_gives_the_same_records_for_every_format(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    table = tables.scan(tmp_path / name, "interactions")
    got = table.frame.collect()
    assert table.n_rows == 3
    assert table.n_unparseable == 0
    assert got[ROW].to_list() == [1, 2, 3]
    assert got["user_id"].to_list() == ["007", "b", "c"]
    assert got["item_id"].to_list() == ["x", "1.0", "z"]
    assert got["rating"].cast(pl.Float64).to_list() == [1.5, 2.0, 3.0]


def test_writers_cover_every_reader() -> None:
    suffixes = [READERS.load(name).SUFFIXES for name in READERS.names()]
    assert all(any(w.endswith(s) for w in WRITERS) for s in suffixes)


def test_scan_all_reads_several_files_as_one_with_growing_row_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,item\na,x\nb,y,z\n")
    (tmp_path / "b.csv").write_text("item,user,n\nv,c,1\nitem,user,n\nw,d,2\n")
    table = tables.scan_all([tmp_path / "a.csv", tmp_path / "b.csv"], "interactions")
    assert table.frame.collect().rows() == [
        (1, "a", "x", None),
        (3, "c", "v", "1"),
        (5, "d", "w", "2"),
    ]
    assert (table.n_rows, table.n_unparseable, table.n_repeated_headers) == (3, 1, 1)
    assert "a.csv has no column `n`" in str(table.warning)


def test_scan_all_of_one_file_is_scan(tmp_path: Path) -> None:
    RECORDS.write_csv(tmp_path / "e.csv")
    assert tables.scan_all([tmp_path / "e.csv"], "interactions").path == str(tmp_path / "e.csv")


def test_scan_glob_and_folder_read_files_in_name_order(tmp_path: Path) -> None:
    for part in ("b", "a"):
        RECORDS.with_columns(user_id=pl.lit(part)).write_parquet(tmp_path / f"{part}.parquet")
        RECORDS.with_columns(user_id=pl.lit(part)).write_csv(tmp_path / f"{part}.csv")
    for path in (tmp_path, tmp_path / "*.parquet", tmp_path / "*.csv"):
        got = tables.scan(path, "interactions").frame.collect()["user_id"].to_list()
        assert got == ["a"] * 3 + ["b"] * 3


def test_scan_file_name_with_brackets_is_no_glob(tmp_path: Path) -> None:
    RECORDS.write_csv(tmp_path / "events[1].csv")
    RECORDS.head(1).write_csv(tmp_path / "events1.csv", separator=";")
    RECORDS.write_parquet(tmp_path / "events[1].parquet")
    for write, suffix in ((pl.DataFrame.write_ndjson, "jsonl"), (pl.DataFrame.write_ipc, "arrow")):
        write(RECORDS, tmp_path / f"events[1].{suffix}")
        write(RECORDS.head(1), tmp_path / f"events1.{suffix}")
    for suffix in ("csv", "parquet", "jsonl", "arrow"):
        assert tables.scan(tmp_path / f"events[1].{suffix}", "interactions").n_rows == 3


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "tsv", "inter", "jsonl"])
def test_scan_text_that_is_not_utf_8_is_read_with_a_warning(tmp_path: Path, suffix: str) -> None:
    lines = {
        "inter": "user_id:token\titem_id:token\n{}\tx\nb\t\u5546\u54c1\n",
        "tsv": "user_id\titem_id\n{}\tx\nb\t\u5546\u54c1\n",
        "jsonl": '{{"user_id": "b", "item_id": "\u5546\u54c1"}}\n'
        '{{"user_id": "{}", "item_id": "x"}}\n',
    }
    text = lines.get(suffix, "user_id,item_id\n{},x\nb,\u5546\u54c1\n")
    path = tmp_path / f"e.{suffix}"
    for name, is_warned in ((b"Jos\xe9", True), ("José".encode(), False)):
        content = text.format("NAME").encode().replace(b"NAME", name)
        path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
        table = tables.scan(path, "interactions")
        assert table.n_rows == 2
        if is_warned:
            assert "line 2: not UTF-8" in str(table.warning)
        else:
            assert table.warning is None


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("e.csv", "", "the items file is empty"),
        ("e.csv.gz", None, "the items file is empty"),
        ("e.jsonl", "", "the items file is empty"),
        ("e.csv", "item_id,title\n", "the items file holds no records"),
        ("e.csv", "item_id,title\na,b,c\n", "no record of the items file can be read"),
        ("e.jsonl", "{item_id: 1}\n", "no line of the file is a JSON object"),
        ("e.xyz", "a", "no reader knows the suffix of the items file"),
        ("e.parquet", "not parquet", "the items file cannot be read"),
        ("e.arrow", "not arrow", "the items file cannot be read"),
    ],
)
def test_scan_unusable_file_raises_an_error_with_its_path(
    tmp_path: Path, name: str, content: str | None, what: str
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"") if content is None else content.encode())
    with pytest.raises(M6RecError, match=what) as error:
        tables.scan(path, "items")
    assert error.value.where == str(path)


def test_scan_unknown_suffix_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "e.doc").write_text("x")
    with pytest.raises(M6RecError) as error:
        tables.scan(tmp_path / "e.doc", "items")
    assert ".parquet" in str(error.value.hint)
    assert ".csv.gz" in str(error.value.hint)


@pytest.mark.parametrize("name", ["absent.csv", "absent*.parquet"])
def test_scan_missing_file_raises_an_error_with_its_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(M6RecError, match="the users file does not exist") as error:
        tables.scan(tmp_path / name, "users")
    assert error.value.where == str(tmp_path / name)


def test_scan_folder_without_parquet_raises(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(M6RecError, match="the items folder holds no Parquet file"):
        tables.scan(tmp_path, "items")
