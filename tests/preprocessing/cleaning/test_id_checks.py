"""Ids are never merged or split in silence."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m6rec_cli.preprocessing import entity_tables, event_log, tables
from m6rec_cli.preprocessing.cleaning.id_checks import join_whole_numbers
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.errors import M6RecError

SCHEMA = Schema(user="u", item="i")


def _ids(path: Path) -> tuple[list[str], dict[str, int | None]]:
    parsed = event_log.parse(tables.scan(path, "interactions"), SCHEMA)
    rules = {rule.rule: rule.changed for rule in parsed.cleaning.rules}
    return parsed.frame["item"].cast(pl.String).to_list(), rules


def _error(path: Path) -> M6RecError:
    with pytest.raises(M6RecError) as error:
        event_log.parse(tables.scan(path, "interactions"), SCHEMA)
    return error.value


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("u,i\na,4.01E+12\nb,7\n", "written with an exponent", "row 1: `4.01E+12`"),
        ("u,i\na,8\nb,1.5e15\n", "written with an exponent", "row 2: `1.5e15`"),
        ('u,i\na,8\nb,"x\ny"\n', "hold a line break", "row 2: `x y`"),
    ],
)
def test_parse_ids_that_cannot_be_right_raise(
    tmp_path: Path, text: str, what: str, where: str
) -> None:
    (tmp_path / "e.csv").write_text(text)
    error = _error(tmp_path / "e.csv")
    assert what in error.what
    assert where in str(error.where)


def test_parse_product_codes_with_an_e_are_ids(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("u,i\na,1E5\nb,12E3\nc,4e77ab\n")
    assert _ids(tmp_path / "e.csv")[0] == ["1E5", "12E3", "4e77ab"]


@pytest.mark.parametrize(
    ("dtype", "least"), [(pl.Float32, 2**24), (pl.Float64, 2**53), (pl.Float64, 2**70)]
)
def test_parse_floats_beyond_their_exact_range_raise(
    tmp_path: Path, dtype: type[pl.DataType], least: int
) -> None:
    ids = pl.Series([7, least], dtype=pl.Float64).cast(dtype)
    pl.DataFrame({"u": ["a", "b"], "i": ids}).write_parquet(tmp_path / "e.parquet")
    error = _error(tmp_path / "e.parquet")
    assert "are rounded" in error.what
    assert "row 2" in str(error.where)


@pytest.mark.parametrize(("dtype", "most"), [(pl.Float32, 2**24 - 1), (pl.Float64, 2**53 - 1)])
def test_parse_floats_within_their_exact_range_are_whole_ids(
    tmp_path: Path, dtype: type[pl.DataType], most: int
) -> None:
    pl.DataFrame({"u": ["a"], "i": pl.Series([most], dtype=dtype)}).write_parquet(
        tmp_path / "e.parquet"
    )
    assert _ids(tmp_path / "e.parquet")[0] == [str(most)]


@pytest.mark.parametrize(
    ("encoding", "user", "iconv"),
    [("cp1252", "Zoë", "WINDOWS-1252"), ("gb18030", "新商品", "GB18030")],
)
def test_parse_ids_with_lost_letters_raise_an_error_with_the_conversion(
    tmp_path: Path, encoding: str, user: str, iconv: str
) -> None:
    (tmp_path / "e.csv").write_bytes(f"u,i\na,x\n{user},y\n".encode(encoding))
    error = _error(tmp_path / "e.csv")
    assert "letters that cannot be read" in error.what
    assert "row 2" in str(error.where)
    assert f"iconv -f {iconv} -t UTF-8" in str(error.hint)


def test_parse_other_columns_may_hold_lost_letters(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_bytes("u,i,note\na,x,Zoë\n".encode("cp1252"))
    assert _ids(tmp_path / "e.csv")[0] == ["x"]


def test_parse_whole_numbers_with_and_without_point_are_one_id(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("u,i\na,31\nb,31.0\nc,\nd,40.0\ne,guest\n")
    ids, rules = _ids(tmp_path / "e.csv")
    assert ids == ["31", "31", "40", "guest"]
    assert rules["events: item ids such as `17.0`, read as `17`"] == 2


@pytest.mark.parametrize("cells", [["1", "1.0", "2.1"], ["x", "1.0"], ["1", "2"]])
def test_join_whole_numbers_leaves_other_ids(cells: list[str]) -> None:
    assert join_whole_numbers(pl.Series(cells)) is None


@given(st.lists(st.tuples(st.integers(0, 99), st.booleans()), min_size=1))
def test_join_whole_numbers_gives_as_many_ids_as_numbers(rows: list[tuple[int, bool]]) -> None:
    ids = pl.Series([f"{n}.0" if point else str(n) for n, point in rows]).unique()
    joined = join_whole_numbers(ids)
    if joined is not None:
        assert set(joined) == {str(n) for n, _ in rows}
    else:
        assert len({point for _, point in rows}) == 1


def test_read_entity_table_joins_and_checks_ids(tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_text("i,n\n31,1\n31.0,2\n40.0,3\n")
    cleaning = CleaningLog()
    schema = Schema(user="u", item="i")
    table = tables.scan(tmp_path / "i.csv", "items")
    frame = entity_tables.read_entity_table(table, schema, "item", cleaning=cleaning)
    assert frame["id"].to_list() == ["31", "40"]
    (tmp_path / "i.csv").write_text("i,n\n4.01E+12,1\n5,2\n")
    with pytest.raises(M6RecError, match="exponent"):
        entity_tables.read_entity_table(tables.scan(tmp_path / "i.csv", "items"), schema, "item")
