"""Tables made in many layouts and languages: what is read is what was written."""

import csv
import io
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import event_log, tables
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.columns import number_cells
from m6rec_cli.preprocessing.columns.inference import infer_schema

HEADERS = (
    ("user_id", "SKU", "order_date", "Qty", "unit_price", "title"),
    ("Kunden-Nr.", "Art.-Nr.", "Bestelldatum", "Menge", "Einzelpreis", "Bezeichnung"),
    ("Numéro client", "référence produit", "date_achat", "Quantité", "prix unitaire", "Libellé"),
    ("Código cliente", "artículo", "Fecha pedido", "Cantidad", "Precio", "Nombre"),
    ("Usuário", "Código do produto", "data_compra", "Quantidade", "Preço", "Título"),
    ("codice cliente", "articolo", "Data ordine", "Quantità", "Prezzo", "Titolo"),
    ("用户ID", "商品编号", "下单时间", "数量", "价格", "标题"),
    ("顧客番号", "商品コード", "注文日時", "数量", "価格", "タイトル"),
)
FORMS = (
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M"),
    *("%m/%d/%Y %I:%M %p", "%d.%m.%Y, %H:%M:%S Uhr", "%Y.%m.%d %H:%M", "%Y年%m月%d日 %H:%M"),
    *("%b %d %Y %I:%M%p", "%d.%m.%y %H:%M", "%a, %d %b %Y %H:%M:%S +0000"),
)
IDS: tuple[Callable[[int], str], ...] = (
    *(lambda n: f"{n * 13:05}", lambda n: str(9007199254740993 + 2 * n), lambda n: f"p {n} b"),
    *(lambda n: f"12-{n:03}", lambda n: f"ñ{n}é", lambda n: f"p,{n}", lambda n: f"{n + 1}E{n}"),
)
Row = tuple[str, str, datetime, int, float, str]


def made_rows(rng: random.Random) -> list[Row]:
    """Events at distinct times, so that no two are equal."""
    user, item = rng.choice(IDS[:5]), rng.choice(IDS)
    prices = [rng.randrange(1, 400_000) / 100 for _ in range(8)]
    at, rows = datetime(rng.randrange(2005, 2022), 3, 14, 9, 26, tzinfo=UTC), []
    for _ in range(60):
        at += timedelta(minutes=rng.randrange(1, 3000))
        n = rng.randrange(8)
        title = f'The "{n}"; a thing, no\t{n}' if n % 3 else f"Thing {n} of many"
        rows.append((user(rng.randrange(6)), item(n), at, rng.randrange(1, 9), prices[n], title))
    return rows


def written(rng: random.Random, folder: Path, rows: list[Row], header: tuple[str, ...]) -> Path:
    """The rows in a format, encoding, separator, column order, and format of dates and amounts."""
    form, currency = rng.choice(FORMS), rng.choice(("", " €"))
    has_commas, order = rng.random() < 0.5, rng.sample(range(6), 6)

    def amount(price: float) -> str:
        text = f"{price:,.2f}"
        return (text.translate(str.maketrans(",.", ".,")) if has_commas else text) + currency

    cells = [(u, i, at.strftime(form), str(n), amount(p), t) for u, i, at, n, p, t in rows]
    lines = [[row[at] for at in order] for row in (header, *cells)]
    kind, mark = rng.choice((",", ";", "|", "\t", "jsonl", "parquet")), rng.choice(("", "\ufeff"))
    if kind == "parquet":
        path = folder / "e.parquet"
        pl.DataFrame(lines[1:], schema=lines[0], orient="row").write_parquet(path)
        return path
    buffer = io.StringIO()
    if kind == "jsonl":
        objects = (dict(zip(lines[0], line, strict=True)) for line in lines[1:])
        buffer.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in objects)
    else:
        quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
        end = rng.choice(("\n", "\r\n"))
        csv.writer(buffer, delimiter=kind, quoting=quoting, lineterminator=end).writerows(lines)
    path = folder / ("e.jsonl" if kind == "jsonl" else "e.csv")
    path.write_bytes((mark + buffer.getvalue()).encode())
    return path


@pytest.mark.parametrize("seed", range(40))
def test_made_tables_are_read_as_they_were_made(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    header, rows = HEADERS[seed % len(HEADERS)], made_rows(rng)
    table = tables.scan(written(rng, tmp_path, rows, header), "interactions")
    schema = infer_schema(table, None, None, tmp_path, items_from_interactions=True).schema
    assert (schema.user, schema.item, schema.timestamp, schema.quantity) == header[:4]
    assert schema.order == ()
    cleaning = CleaningLog()
    events = event_log.parse(table, schema, cleaning=cleaning).frame
    assert not [rule.rule for rule in cleaning.rules if rule.dropped]
    got = events.select(pl.col("user", "item").cast(pl.String), "timestamp").rows()
    assert got == [(u, i, int(at.timestamp()) * 1000) for u, i, at, *_ in rows]
    cells = table.head()[header[4]]
    forms = number_cells.date_formats_of(cells)
    prices = table.frame.select(number_cells.number(header[4], cells.dtype, forms)).collect()
    assert prices.to_series().to_list() == pytest.approx([row[4] for row in rows])
    assert table.frame.collect()[header[5]].to_list() == [row[5] for row in rows]
    assert {f.column: f.kind for f in schema.item_features}[header[4]] == "numeric"
