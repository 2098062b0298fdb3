"""Delimited text: separators, quotes, decimal commas and encodings."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.tables import ROW
from m6rec_cli.system.errors import M6RecError


def test_scan_counts_and_drops_lines_with_too_many_fields(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text('user_id,item_id\na,"x, y"\nb,y,extra\nc,z,1,2\nd,"two\nlines"\n')
    table = tables.scan(path, "interactions")
    got = table.frame.collect()
    assert (table.n_rows, table.n_unparseable, table.first_unparseable) == (2, 2, 2)
    assert got["item_id"].to_list() == ["x, y", "two\nlines"]
    assert got[ROW].to_list() == [1, 4]


def test_scan_broken_quotes_drop_only_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text('user_id,item_id\na,x\nb,"y\nc,z\nd,"w" v\n')
    table = tables.scan(path, "interactions")
    assert (table.n_unparseable, table.first_unparseable) == (1, 2)
    assert table.frame.collect()["user_id"].to_list() == ["a", "c", "d"]


def test_scan_broken_quotes_keep_other_cells_with_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        'item_id,title,price\nP1,"first\nmiddle, really\nlast",9\nP2,"two,1\nP3,three,3\n'
    )
    table = tables.scan(path, "items")
    assert (table.n_unparseable, table.first_unparseable) == (1, 4)
    assert table.frame.collect()["item_id"].to_list() == ["P1", "P3"]
    assert table.frame.collect()["title"][0] == "first\nmiddle, really\nlast"


def test_scan_decimal_commas_in_a_file_with_semicolons_become_points(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        "item_id;price;tags;code\na;12,50;1,2,3;1.299\nb;1.299,00;4,5;2.500\nc;;6;3\nd;NULL;7;4\n"
    )
    got = tables.scan(path, "items").frame.collect()
    assert got["price"].to_list() == ["12.50", "1299.00", None, "NULL"]
    assert got["tags"].to_list() == ["1,2,3", "4,5", "6", "7"]
    assert got["code"].to_list() == ["1.299", "2.500", "3", "4"]


def test_scan_decimal_commas_beside_na_become_points(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("user_id;item_id;price\na;x;9,99\nb;y;NA\n")
    assert tables.scan(path, "interactions").frame.collect()["price"].to_list() == ["9.99", "NA"]


def test_scan_latin_1_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes("user_id,item_id\nAndré,x\n".encode("latin-1"))
    assert tables.scan(path, "interactions").n_rows == 1


def test_scan_byte_order_mark_is_not_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes(b"\xef\xbb\xbfuser_id,item_id\r\na,x\r\n")
    table = tables.scan(path, "interactions")
    assert list(table.schema) == ["user_id", "item_id"]
    assert table.frame.collect()["item_id"].to_list() == ["x"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_scan_utf_16_raises_an_error_with_the_conversion(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes(
        ("" if encoding == "utf-16" else "\ufeff").encode(encoding)
        + "user_id,item_id\na,x\n".encode(encoding)
    )
    with pytest.raises(M6RecError, match="the file is UTF-16 text") as error:
        tables.scan(path, "interactions")
    assert "iconv -f UTF-16 -t UTF-8" in str(error.value.hint)


_cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=("Cs",)),
    max_size=12,
).filter(lambda cell: cell not in ("left", "right"))  # a header among its cells is no header


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(_cells, _cells), min_size=1, max_size=20))
def test_scan_reads_what_the_csv_module_writes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "e.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([("left", "right"), *rows])
    got = tables.scan(path, "items").frame.collect().select("left", "right").rows()
    assert [tuple(c or "" for c in row) for row in got] == rows
