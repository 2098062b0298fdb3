"""Readers: the same records come out of every format, and faults name the file."""

import csv
import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import fingerprints, tables
from m6rec_cli.preprocessing.readers import csv as csv_reader
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
def test_scan_every_format_gives_the_same_records(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    table = tables.scan(tmp_path / name, "interactions")
    got = table.frame.collect()
    assert table.n_rows == 3
    assert table.n_bad == 0
    assert got[ROW].to_list() == [1, 2, 3]
    assert got["user_id"].to_list() == ["007", "b", "c"]
    assert got["item_id"].to_list() == ["x", "1.0", "z"]
    assert got["rating"].cast(pl.Float64).to_list() == [1.5, 2.0, 3.0]


def test_scan_glob_and_folder_read_files_in_the_order_of_names(tmp_path: Path) -> None:
    for part in ("b", "a"):
        RECORDS.with_columns(user_id=pl.lit(part)).write_parquet(tmp_path / f"{part}.parquet")
        RECORDS.with_columns(user_id=pl.lit(part)).write_csv(tmp_path / f"{part}.csv")
    for path in (tmp_path, tmp_path / "*.parquet", tmp_path / "*.csv"):
        got = tables.scan(path, "interactions").frame.collect()["user_id"].to_list()
        assert got == ["a"] * 3 + ["b"] * 3


def test_scan_hive_folder_makes_columns_of_the_parts(tmp_path: Path) -> None:
    for event in ("buy", "view"):
        folder = tmp_path / "log" / f"event={event}"
        folder.mkdir(parents=True)
        RECORDS.write_parquet(folder / "0.parquet")
    got = tables.scan(tmp_path / "log", "interactions").frame.collect()
    assert got["event"].to_list() == ["buy"] * 3 + ["view"] * 3


def test_scan_recbole_types_columns_by_their_header(tmp_path: Path) -> None:
    path = tmp_path / "x.item"
    path.write_text("item_id:token\tgenres:token_seq\temb:float_seq\n1\ta b\t0.5 1\n2\t\t2 3\n")
    got = tables.scan(path, "items").frame.collect()
    assert got["genres"].to_list() == [["a", "b"], None]
    assert got["emb"].to_list() == [[0.5, 1.0], [2.0, 3.0]]


def test_scan_recbole_header_without_a_type_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.inter"
    path.write_text("user_id:token\titem_id:tokn\n1\t2\n")
    with pytest.raises(M6RecError, match="`item_id:tokn` is not of the form name:type") as error:
        tables.scan(path, "interactions")
    assert error.value.hint == "did you mean `token`?"


def test_scan_lines_with_too_many_fields_are_counted_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text('user_id,item_id\na,"x, y"\nb,y,extra\nc,z,1,2\nd,"two\nlines"\n')
    table = tables.scan(path, "interactions")
    got = table.frame.collect()
    assert (table.n_rows, table.n_bad, table.first_bad) == (2, 2, 2)
    assert got["item_id"].to_list() == ["x, y", "two\nlines"]
    assert got[ROW].to_list() == [1, 4]


def test_scan_broken_quotes_lose_their_lines_alone(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text('user_id,item_id\na,x\nb,"y\nc,z\nd,"w" v\n')
    table = tables.scan(path, "interactions")
    assert (table.n_bad, table.first_bad) == (1, 2)
    assert table.frame.collect()["user_id"].to_list() == ["a", "c", "d"]


def test_scan_broken_quotes_leave_cells_with_line_breaks_whole(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        'item_id,title,price\nP1,"first\nmiddle, really\nlast",9\nP2,"two,1\nP3,three,3\n'
    )
    table = tables.scan(path, "items")
    assert (table.n_bad, table.first_bad) == (1, 4)
    assert table.frame.collect()["item_id"].to_list() == ["P1", "P3"]
    assert table.frame.collect()["title"][0] == "first\nmiddle, really\nlast"


def test_scan_decimal_commas_of_a_file_with_semicolons_become_points(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        "item_id;price;tags;code\na;12,50;1,2,3;1.299\nb;1.299,00;4,5;2.500\nc;;6;3\nd;NULL;7;4\n"
    )
    got = tables.scan(path, "items").frame.collect()
    assert got["price"].to_list() == ["12.50", "1299.00", None, "NULL"]
    assert got["tags"].to_list() == ["1,2,3", "4,5", "6", "7"]
    assert got["code"].to_list() == ["1.299", "2.500", "3", "4"]


def test_scan_a_name_with_brackets_is_no_pattern(tmp_path: Path) -> None:
    RECORDS.write_csv(tmp_path / "events[1].csv")
    RECORDS.head(1).write_csv(tmp_path / "events1.csv", separator=";")
    RECORDS.write_parquet(tmp_path / "events[1].parquet")
    for write, suffix in ((pl.DataFrame.write_ndjson, "jsonl"), (pl.DataFrame.write_ipc, "arrow")):
        write(RECORDS, tmp_path / f"events[1].{suffix}")
        write(RECORDS.head(1), tmp_path / f"events1.{suffix}")
    for suffix in ("csv", "parquet", "jsonl", "arrow"):
        assert tables.scan(tmp_path / f"events[1].{suffix}", "interactions").n_rows == 3


def test_scan_folders_of_pq_and_patterns_over_folders(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    RECORDS.write_parquet(tmp_path / "a" / "b" / "0.pq")
    assert tables.scan(tmp_path / "a", "interactions").n_rows == 3
    assert tables.scan(tmp_path / "**" / "*.pq", "interactions").n_rows == 3
    RECORDS.write_parquet(tmp_path / "a" / "1.PARQUET")
    (tmp_path / "a" / "_metadata.parquet").write_bytes(b"of another program")
    (tmp_path / "a" / ".ipynb_checkpoints").mkdir()
    RECORDS.write_parquet(tmp_path / "a" / ".ipynb_checkpoints" / "1-checkpoint.parquet")
    assert tables.scan(tmp_path / "a", "interactions").n_rows == 6
    assert len(fingerprints.of_inputs({"interactions": tmp_path / "a"})) == 2


def test_scan_jsonl_keeps_a_key_that_comes_late(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text('{"user_id": "a"}\n' * 10_001 + '{"user_id": "b", "rating": 4}\n')
    got = tables.scan(path, "interactions").frame.collect()
    assert got["rating"].to_list()[-2:] == [None, 4]


def test_scan_lines_that_are_no_json_are_counted_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text('{"user_id": "a", "n": 1}\nnonsense\n{"user_id": "b", "n": 2.5}\n[1]\n')
    table = tables.scan(path, "interactions")
    assert (table.n_rows, table.n_bad, table.first_bad) == (2, 2, 2)
    assert table.frame.collect()["user_id"].to_list() == ["a", "b"]


def test_scan_latin_letters_of_another_encoding_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes("user_id,item_id\nAndré,x\n".encode("latin-1"))
    assert tables.scan(path, "interactions").n_rows == 1


def test_scan_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes(b"\xef\xbb\xbfuser_id,item_id\r\na,x\r\n")
    table = tables.scan(path, "interactions")
    assert list(table.schema) == ["user_id", "item_id"]
    assert table.frame.collect()["item_id"].to_list() == ["x"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_scan_utf_16_says_how_to_convert_it(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes(
        ("" if encoding == "utf-16" else "\ufeff").encode(encoding)
        + "user_id,item_id\na,x\n".encode(encoding)
    )
    with pytest.raises(M6RecError, match="the file is UTF-16 text") as error:
        tables.scan(path, "interactions")
    assert "iconv -f UTF-16 -t UTF-8" in str(error.value.hint)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "tsv", "inter", "jsonl"])
def test_scan_text_that_is_not_utf_8_is_read_with_a_doubt(tmp_path: Path, suffix: str) -> None:
    lines = {
        "inter": "user_id:token\titem_id:token\n{}\tx\nb\t\u5546\u54c1\n",
        "tsv": "user_id\titem_id\n{}\tx\nb\t\u5546\u54c1\n",
        "jsonl": '{{"user_id": "b", "item_id": "\u5546\u54c1"}}\n{{"user_id": "{}", "item_id": "x"}}\n',
    }
    text = lines.get(suffix, "user_id,item_id\n{},x\nb,\u5546\u54c1\n")
    path = tmp_path / f"e.{suffix}"
    for name, doubted in ((b"Jos\xe9", True), ("José".encode(), False)):
        content = text.format("NAME").encode().replace(b"NAME", name)
        path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
        table = tables.scan(path, "interactions")
        assert table.n_rows == 2
        assert table.doubt is None if not doubted else "line 2: no UTF-8 text" in str(table.doubt)


def test_scan_letter_cut_off_where_the_looking_ends_is_no_doubt(
    tmp_path: Path, monkeypatch
) -> None:
    path = tmp_path / "e.csv"
    path.write_text("user_id,item_id\né,x\n")
    monkeypatch.setattr(csv_reader, "_LOOKED_AT", len("user_id,item_id\n") + 1)
    assert csv_reader.odd_line(str(path)) is None


def test_scan_json_of_lines_says_how_it_should_be_named(tmp_path: Path) -> None:
    (tmp_path / "reviews.json").write_text('{"user_id": 1}\n')
    with pytest.raises(M6RecError, match="no reader knows") as error:
        tables.scan(tmp_path / "reviews.json", "interactions")
    assert "name it `.jsonl`" in str(error.value.hint)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("e.csv", "", "the items file is empty"),
        ("e.csv.gz", None, "the items file is empty"),
        ("e.jsonl", "", "the items file is empty"),
        ("e.csv", "item_id,title\n", "the items file holds no records"),
        ("e.csv", "item_id,title\na,b,c\n", "no record of the items file can be read"),
        ("e.jsonl", "{'item_id': 1}\n", "no line of the file is a JSON object"),
        ("e.xyz", "a", "the items file has a suffix that no reader knows"),
        ("e.parquet", "not parquet", "the items file cannot be read"),
        ("e.arrow", "not arrow", "the items file cannot be read"),
    ],
)
def test_scan_unusable_file_is_named(
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
def test_scan_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(M6RecError, match="the users file does not exist") as error:
        tables.scan(tmp_path / name, "users")
    assert error.value.where == str(tmp_path / name)


def test_scan_folder_without_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(M6RecError, match="the items folder holds no Parquet file"):
        tables.scan(tmp_path, "items")


_cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=("Cs",)),
    max_size=12,
)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(_cells, _cells), min_size=1, max_size=20))
def test_scan_csv_gives_back_what_the_csv_module_wrote(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "e.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([("a", "b"), *rows])
    got = tables.scan(path, "items").frame.collect().select("a", "b").rows()
    assert [tuple(c or "" for c in row) for row in got] == rows


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["a", "b"]), st.none() | _cells, min_size=2),
        min_size=1,
        max_size=10,
    )
)
def test_scan_jsonl_gives_back_what_json_wrote(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str | None]]
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "e.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    assert tables.scan(path, "items").frame.collect().select("a", "b").to_dicts() == [
        {"a": r["a"], "b": r["b"]} for r in rows
    ]


def test_scan_decimal_commas_with_the_gaps_that_r_writes_become_points(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("user_id;item_id;price\na;x;9,99\nb;y;NA\n")
    assert tables.scan(path, "interactions").frame.collect()["price"].to_list() == ["9.99", "NA"]
