"""How each column of each table is read: a use or a reason for every one."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.column_overview import resolve_and_show, table_readings
from m6rec_cli.preprocessing.inputs import PreprocessInputs, open_tables, resolve_schema
from m6rec_cli.preprocessing.table_reading import FEATURE, NOT_USED, ColumnReading, TableReading
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter

LOG = """\
Kunde;Artikel;Bestelldatum;Menge;Note;Gefallen
K1;A1;03.12.2023;1;4,5;gut
K2;A1;04.12.2023;2;4,0;
K1;A2;31.12.2023;1;2,5;naja
"""
ITEMS = """\
Artikel,Bezeichnung,Farben,Lieferant_Email
A1,Ein Tisch aus Holz,rot|blau,a@shop.de
A2,Ein Stuhl aus Holz,rot|gelb,b@shop.de
"""


def readings(inputs: PreprocessInputs) -> list[TableReading]:
    opened = open_tables(inputs)
    schema, skipped = resolve_schema(inputs, opened, DataConfig(), SilentReporter())
    return table_readings(inputs, opened, schema, skipped)


def by_column(reading: TableReading) -> dict[str, list[ColumnReading]]:
    found: dict[str, list[ColumnReading]] = {}
    for row in reading.rows:
        found.setdefault(row.column, []).append(row)
    return found


@pytest.fixture
def shop(tmp_path: Path) -> PreprocessInputs:
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "items.csv").write_text(ITEMS)
    return PreprocessInputs(
        interactions=tmp_path / "log.csv",
        items=tmp_path / "items.csv",
        positive="Note >= 4",
    )


def test_readings_of_a_log_say_role_sample_and_kind(shop: PreprocessInputs) -> None:
    events = readings(shop)[0]
    assert events.title.startswith("interactions: ")
    assert events.title.endswith("log.csv (3 rows, separated by semicolons)")
    assert [(r.role, r.column, r.sample, r.kind) for r in events.rows] == [
        ("user", "Kunde", "K1", "id"),
        ("item", "Artikel", "A1", "id"),
        ("time", "Bestelldatum", "03.12.2023", "time, read as 2023-12-03 00:00"),
        ("quantity", "Menge", "1", "number"),
        ("label", "Note", "4,5", "labelled if Note >= 4, decimal commas"),
        (NOT_USED, "Gefallen", "gut", "no role; `--positive` may use it"),
    ]


def test_readings_of_a_catalogue_hide_personal_data(shop: PreprocessInputs) -> None:
    items = by_column(readings(shop)[1])
    assert [row.role for row in items["Bezeichnung"]] == ["title", FEATURE]
    assert items["Farben"][0].kind == "set, separated by `|`"
    (email,) = items["Lieferant_Email"]
    assert (email.role, email.sample) == (NOT_USED, "(hidden)")
    assert email.kind == "personal data: e-mail addresses"


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1700000000", "1700000500"], "time, read as 2023-11-14 22:13"),
        (["03/12/2023", "31/12/2023"], "time, day-first, read as 2023-12-03 00:00"),
        (["7", "8"], "an order, not times"),
    ],
)
def test_readings_of_a_time_show_what_it_is_read_as(
    tmp_path: Path, cells: list[str], kind: str
) -> None:
    rows = "".join(f"u{n},i{n},{cell}\n" for n, cell in enumerate(cells))
    (tmp_path / "e.csv").write_text("user_id,item_id,timestamp\n" + rows)
    (events,) = readings(PreprocessInputs(interactions=tmp_path / "e.csv"))
    assert by_column(events)["timestamp"][0].kind == kind


def test_readings_without_a_time_say_file_order(tmp_path: Path) -> None:
    (tmp_path / "e.tsv").write_text("user_id\titem_id\nu\ti\nv\tj\n")
    (events,) = readings(PreprocessInputs(interactions=tmp_path / "e.tsv"))
    assert events.title.endswith("e.tsv (2 rows)")
    assert by_column(events)["-"][0].kind == "events are in file order"


def test_resolve_and_show_an_error_leaves_the_doubts_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_bytes(b"wer,item_id\nM\xfcller,1\nMoser,1\n")
    inputs = PreprocessInputs(interactions=tmp_path / "e.csv")
    report = SilentReporter()
    with pytest.raises(M6RecError, match="no column looks like the user's id"):
        resolve_and_show(inputs, open_tables(inputs), DataConfig(), report)
    assert any("not UTF-8" in warning for warning in report.warnings)


NAMES = st.text(
    st.characters(categories=("L", "N"), include_characters="_ -.$%"), min_size=1, max_size=12
).filter(lambda name: name[0].isalpha() and name == name.strip() and name not in ("user", "item"))
CELLS = st.sampled_from(
    [
        [1, 2, 3, 4],
        [0.5, 1.5, None, 2.5],
        ["red", "blue", "red", ""],
        ["a b c d", "e f g", "h i", "j"],
        ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"],
        ["a@b.de", "c@d.de", "e@f.de", "g@h.de"],
        [None, None, None, None],
    ]
)
WRITERS = {
    "csv": pl.DataFrame.write_csv,
    "jsonl": pl.DataFrame.write_ndjson,
    "parquet": pl.DataFrame.write_parquet,
    "arrow": pl.DataFrame.write_ipc,
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(NAMES, CELLS, max_size=4),
    st.dictionaries(NAMES, CELLS, max_size=4),
    st.sampled_from(sorted(WRITERS)),
    st.booleans(),
)
def test_every_column_is_used_or_not_used_for_a_reason(
    tmp_path_factory: pytest.TempPathFactory,
    more: dict[str, list],
    own: dict[str, list],
    suffix: str,
    from_interactions: bool,
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    names = {"interactions": {"user": list("uuvv"), "item": list("abab")} | more}
    names["items"] = {"item": list("abcd")} | own
    names["users"] = {"user": list("uvwx")} | own
    paths = {name: folder / f"{name}.{suffix}" for name in names}
    for name, columns in names.items():
        WRITERS[suffix](pl.DataFrame(columns, strict=False), paths[name])
    if from_interactions:
        del paths["items"]
    inputs = PreprocessInputs(**paths, items_from_interactions=from_interactions)
    for reading in readings(inputs):
        rows = by_column(reading)
        rows.pop("-", None)
        assert set(rows) == set(names[reading.title.partition(":")[0]])
        for column in rows.values():
            is_used = {row.role != NOT_USED for row in column}
            assert len(is_used) == 1
            assert all(row.kind and row.sample for row in column)
            assert not any(row.kind == "nothing reads it" for row in column)
