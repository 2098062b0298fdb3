"""How the columns of a table are read, as a compact table."""

import io

import pytest

from m6rec_cli.cli.console import PlainReporter
from m6rec_cli.preprocessing.table_reading import FEATURE, NOT_USED, ColumnReading, TableReading


def shown(rows: list[ColumnReading]) -> str:
    stream = io.StringIO()
    TableReading(title="items: i.csv (3 rows)", rows=rows).show(PlainReporter(stream))
    return stream.getvalue()


def columns(role: str, n: int, kind: str) -> list[ColumnReading]:
    return [
        ColumnReading(role=role, column=f"{role[:3]}_{at}", sample="x", kind=kind)
        for at in range(n)
    ]


ID = ColumnReading(role="item", column="sku", sample="A17", kind="id")


def test_show_names_each_column_with_its_sample_and_kind() -> None:
    unused = columns(NOT_USED, 1, "personal data: e-mail addresses")
    assert shown([ID, *columns(FEATURE, 1, "numeric"), *unused]).splitlines() == [
        "items: i.csv (3 rows)",
        "  role      column  sample  kind",
        "  item      sku     A17     id",
        "  feature   fea_0   x       numeric",
        "  not used  not_0   x       personal data: e-mail addresses",
    ]


def test_show_many_features_are_one_line_a_kind() -> None:
    text = shown([ID, *columns(FEATURE, 30, "numeric"), *columns(FEATURE, 30, "text")])
    assert len(text.splitlines()) == 5
    assert "30 features  fea_0, fea_1, fea_2, fea_3 …" in text
    assert "sku" in text


@pytest.mark.parametrize("n", [3, 40, 41, 300])
def test_show_names_every_column_that_is_not_used_with_its_reason(n: int) -> None:
    text = shown([ID, *columns(NOT_USED, n, "no role"), *columns(NOT_USED, 2, "numbers the rows")])
    words = text.replace(",", " ").split()
    assert all(f"not_{at}" in words for at in range(n))
    assert "no role" in text
    assert "numbers the rows" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    assert len(text.splitlines()) <= 46
