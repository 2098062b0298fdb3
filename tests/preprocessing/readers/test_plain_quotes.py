"""Quotes that are ordinary characters, and separators of two characters."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import tables
from m6rec_cli.system.errors import M6RecError


def _rows(path: Path, **options: bool) -> list[tuple[str | None, ...]]:
    return tables.scan(path, "interactions", **options).frame.collect().drop(tables.ROW).rows()


@pytest.mark.parametrize("name", ["plays.tsv", "plays.txt", "plays.dat"])
def test_scan_titles_with_lone_quotes_between_tabs_lose_no_line(tmp_path: Path, name: str) -> None:
    rows = [("listener", "song"), ("a", '7" mix'), ("b", '"Loud" (live'), ("a", '12"'), ("c", "x")]
    (tmp_path / name).write_text("".join("\t".join(row) + "\n" for row in rows))
    assert _rows(tmp_path / name) == rows[1:]


def test_scan_lone_quotes_without_header_line(tmp_path: Path) -> None:
    (tmp_path / "e.tsv").write_text('31\t"a" (b\n32\tc"\n33\td\n')
    assert _rows(tmp_path / "e.tsv", no_header=True) == [
        ("31", '"a" (b'),
        ("32", 'c"'),
        ("33", "d"),
    ]


_cells = st.text(st.sampled_from('ab "'), min_size=1, max_size=6).map(lambda text: f"x{text}x")


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(_cells, _cells), min_size=1, max_size=12))
def test_scan_reads_the_quotes_that_the_csv_module_writes_between_tabs(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("tsv") / "e.tsv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([("one", "two"), *rows])
    assert _rows(path) == rows


def test_scan_quoted_cells_with_tabs_and_line_breaks_stay_whole(tmp_path: Path) -> None:
    (tmp_path / "e.tsv").write_text('u\tnote\na\t"one\ttwo"\nb\t"three\nfour"\n')
    assert _rows(tmp_path / "e.tsv") == [("a", "one\ttwo"), ("b", "three\nfour")]


def test_scan_fields_between_double_colons(tmp_path: Path) -> None:
    (tmp_path / "films.dat").write_bytes('1::Él: "a"::A|B\n2::x, y::B\n3::z::A|C\n'.encode())
    assert _rows(tmp_path / "films.dat", no_header=True) == [
        ("1", 'Él: "a"', "A|B"),
        ("2", "x, y", "B"),
        ("3", "z", "A|C"),
    ]


def test_scan_glob_of_double_colons_raises_an_error_with_the_way_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.dat").write_text("1::2\n3::4\n")
    with pytest.raises(M6RecError, match="separated by `::`") as error:
        tables.scan(tmp_path / "*.dat", "interactions", no_header=True)
    assert "may be repeated" in str(error.value.hint)


CSV, JSON_LINES = "user,item\na,x\n", '{"user":"a","item":"x"}\n' * 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, CSV) for name in ("part-00000", "events.log", "u1.base", "u.item")),
        # `.item` is a suffix of RecBole's tables, which are never JSON.
        *((name, JSON_LINES) for name in ("part-00000", "events.log", "u1.base")),
    ],
)
def test_scan_unknown_suffixes_are_read_by_content(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert _rows(tmp_path / name)[0] == ("a", "x")


@pytest.mark.parametrize("data", [b"\x00\x01,\n\x02,\n,", b"prose\nand more\nlines\n", b""])
def test_scan_unknown_suffix_of_other_content_raises_an_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "events.bin").write_bytes(data)
    with pytest.raises(M6RecError, match="no reader knows the suffix"):
        tables.scan(tmp_path / "events.bin", "interactions")


def test_scan_lines_of_python_dicts(tmp_path: Path) -> None:
    (tmp_path / "games.json").write_text(
        "{u'id': u'7', u'name': u\"Pa's\", u'free': False}\n{'id': '8', 'tags': ['a', u'b']}\n"
        "{'id': open('x')}\n"
    )
    table = tables.scan(tmp_path / "games.json", "items")
    assert (table.n_unparseable, table.first_unparseable) == (1, 3)
    got = table.frame.collect()
    assert got["name"].to_list() == ["Pa's", None]
    assert got["tags"].to_list() == [None, ["a", "b"]]
