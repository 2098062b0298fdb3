"""Header lines, line ends and the `sep=` line of delimited text."""

import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.readers._delimited import Layout
from m6rec_cli.preprocessing.readers._layout import classify_first_line, read_records
from m6rec_cli.system.errors import M6RecError


def _scan(tmp_path: Path, text: str, name: str = "e.csv", **options: bool) -> tables.Table:
    (tmp_path / name).write_bytes(text.encode())
    return tables.scan(tmp_path / name, "interactions", **options)


@pytest.mark.parametrize(
    ("lines", "want"),
    [
        (["user,item,rating", "7,12,5", "8,13,4"], "header"),
        (["7,12,5", "8,13,4"], "data"),
        (["AX1,B99,4.5,2011-05-02", "AX2,B98,3.5,2011-05-03"], "data"),
        (["AX1,B99", "AX2,B98", "AX1,B97"], "data"),
        (["who,what", "AX2,B98", "AX1,B97"], "unclear"),
        (["who,when", "AX2,2011-05-02"], "header"),
        (["item,0,1,2", "B98,.5,.25,.1", "B97,.5,.25,.1"], "unclear"),
        (["0,1,2", "7,8,9"], "unclear"),
        (["guest,12,5", "8,13,4", "9,13,4"], "header"),
        (["user,item", "u,i", "user,item"], "unclear"),
        (["7,12", "8,13", "7,12"], "data"),
        (["user,item"], "unclear"),
        (["7,,5", "8,13,4"], "data"),
        (["7,12,5", "NULL,NULL,NULL"], "unclear"),
    ],
)
def test_classify_first_line(lines: list[str], want: str) -> None:
    assert classify_first_line(read_records(lines, Layout(separator=","))) == want


_numbers = st.lists(
    st.tuples(st.integers(10, 10**6), st.floats(0, 1e6, width=32)), min_size=2, max_size=20
)


@given(_numbers)
def test_classify_first_line_of_numbers_is_data_and_of_names_is_a_header(
    rows: list[tuple[int, float]],
) -> None:
    records = [[str(cell) for cell in row] for row in rows]
    assert classify_first_line([["visits", "height"], *records]) == "header"
    if any(record != records[0] for record in records):
        assert classify_first_line(records) == "data"


def test_scan_without_header_line_raises_an_error_with_the_first_line(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="is the header line missing") as error:
        _scan(tmp_path, "31|7\n31|7\n40|8\n", "ratings.txt")
    assert "first line: 1: `31`, 2: `7`" in str(error.value.where)
    assert "--no-header" in str(error.value.hint)


def test_scan_with_no_header_numbers_the_columns(tmp_path: Path) -> None:
    table = _scan(tmp_path, "\ufeff31,7\n40,8,x\n41,9\n", no_header=True)
    got = table.frame.collect()
    assert list(table.schema) == ["1", "2", "3"]
    assert got["1"].to_list() == ["31", "40", "41"]
    assert got["3"].to_list() == [None, "x", None]


def test_scan_with_no_header_keeps_a_plain_header_line(tmp_path: Path) -> None:
    table = _scan(tmp_path, "item,year\na,1999\nb,2001\n", no_header=True)
    assert list(table.schema) == ["item", "year"]
    assert table.n_rows == 2


def test_scan_repeated_header_lines_are_dropped_and_counted(tmp_path: Path) -> None:
    table = _scan(tmp_path, "user,item,n\na,x,1\nuser,item,n\nuser,x,2\nuser,item,n\nb,y,3\n")
    assert (table.n_rows, table.n_repeated_headers) == (3, 2)
    assert table.frame.collect()["user"].to_list() == ["a", "user", "b"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("separator", [";", ",", "|", "\t"])
def test_scan_skips_the_line_that_names_the_separator(
    tmp_path: Path, end: str, mark: str, separator: str
) -> None:
    lines = [f"sep={separator}", "user;item", "a;x", "b;y", ""]
    table = _scan(tmp_path, mark + end.join(lines).replace(";", separator))
    assert table.frame.collect().drop(tables.ROW).rows() == [("a", "x"), ("b", "y")]


def test_scan_reads_lines_that_end_in_carriage_returns_alone(tmp_path: Path) -> None:
    text = "user,item\r" + '"a, b",x\r' * 200_000
    table = _scan(tmp_path, text)
    assert table.n_rows == 200_000
    assert table.frame.head(1).collect().drop(tables.ROW).rows() == [("a, b", "x")]


def test_scan_broken_quotes_in_lines_with_carriage_returns(tmp_path: Path) -> None:
    table = _scan(tmp_path, 'user,item\ra,x\rb,"y\rc,z\r')
    assert (table.n_rows, table.n_unparseable) == (2, 1)


@pytest.mark.parametrize(
    ("name", "text", "want"),
    [
        ("e.tsv", "a\tp\nx\t0,5\ny\t1,25\n", ["0.5", "1.25"]),
        ("e.csv", 'a,p\nx,"12,50"\ny,"1.299,00"\nz,NA\n', ["12.50", "1299.00", "NA"]),
        ("e.csv", 'a,p\nx,"3,00 €"\ny,"1 299,95 €"\n', ["3.00 €", "1299.95 €"]),
        ("e.csv", 'a,p\nx,"1,2"\ny,"3,14"\nz,"2,3"\n', ["1,2", "3,14", "2,3"]),
        ("e.csv", 'a,p\nx,"1,299"\ny,"3,000"\n', ["1,299", "3,000"]),
        ("e.csv", "a;p\nx;EUR 12,50\ny;EUR 9,90\n", ["EUR 12.50", "EUR 9.90"]),
        ("e.csv", "a;p\nx;31.12.2024\ny;01.02.2023\n", ["31.12.2024", "01.02.2023"]),
    ],
)
def test_scan_decimal_commas_of_any_delimiter(
    tmp_path: Path, name: str, text: str, want: list[str]
) -> None:
    assert _scan(tmp_path, text, name).frame.collect()["p"].to_list() == want


def test_scan_amounts_with_decimal_commas_round_trip(tmp_path: Path) -> None:
    amounts = [f"{n / 100:.2f}" for n in range(0, 100_000, 997)]
    rows = "".join(f"i{n}\t{amount.replace('.', ',')}\n" for n, amount in enumerate(amounts))
    assert _scan(tmp_path, "i\tp\n" + rows, "e.tsv").frame.collect()["p"].to_list() == amounts


def test_scan_quote_that_swallows_lines_raises_an_error_with_its_line(tmp_path: Path) -> None:
    text = 'u,i,note\na,x,"two\nlines"\nb,y,n\nc,"z,1\nd,w,2\ne,v",3\nf,u,4\n'
    with pytest.raises(M6RecError, match="a quote swallows lines") as error:
        _scan(tmp_path, text)
    assert re.search(r"from line 5: `z,1`", str(error.value.where))


@pytest.mark.parametrize(
    "cell", ["one\ntwo", "a, b\nc, d, e", "one,two\nthree", "1,2\n3,4\n5,6\n7", "x\n\n\ny"]
)
def test_scan_cells_with_line_breaks_that_are_no_records_are_kept(
    tmp_path: Path, cell: str
) -> None:
    table = _scan(tmp_path, f'u,i,note,more\na,x,"{cell}",1\nb,y,n,2\n')
    assert table.frame.collect()["note"][0] == cell


def test_scan_no_header_checks_for_swallowed_lines(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="a quote swallows lines"):
        _scan(tmp_path, 'u1,x,9\nu2,"y,8\nu3,z,7\nu4,w",6\nu5,v,5\n' * 3, no_header=True)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_scan_reads_zstandard(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"e.{suffix}.zst"
    frame = pl.DataFrame({"user": ["a", "b"], "item": ["x", "y"]})
    if suffix == "jsonl":
        frame.lazy().sink_ndjson(path, compression="zstd")
    else:
        separator = "\t" if suffix == "tsv" else ","
        frame.lazy().sink_csv(path, separator=separator, compression="zstd")
    assert tables.scan(path, "interactions").frame.collect()["item"].to_list() == ["x", "y"]
