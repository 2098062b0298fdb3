"""Column roles from names and values."""

from pathlib import Path

import pytest

from m6rec_cli.preprocessing import event_log
from m6rec_cli.preprocessing.columns import (
    roles,
)
from m6rec_cli.system.errors import M6RecError
from tests.preprocessing.columns.table_files import table_of


@pytest.mark.parametrize(
    ("columns", "user", "item", "time"),
    [
        (("user_id", "item_id", "timestamp"), "user_id", "item_id", "timestamp"),
        (("userId", "movieId", "ts"), "userId", "movieId", "ts"),
        (("UID", "SKU", "Date"), "UID", "SKU", "Date"),
        (
            ("reviewerID", "asin", "unixReviewTime", "reviewTime"),
            "reviewerID",
            "asin",
            "unixReviewTime",
        ),
        (
            ("InvoiceNo", "StockCode", "InvoiceDate", "Customer ID"),
            "Customer ID",
            "StockCode",
            "InvoiceDate",
        ),
        (("user", "item", "order"), "user", "item", "order"),
        (("visitorid", "itemid"), "visitorid", "itemid", None),
    ],
)
def test_infer_roles_finds_usual_names(
    tmp_path: Path, columns: tuple[str, ...], user: str, item: str, time: str | None
) -> None:
    found, _, _ = roles.infer_roles(table_of(tmp_path, {c: [10, 20, 30] for c in columns}))
    assert (found.user, found.item, found.timestamp) == (user, item, time)


def test_infer_roles_without_a_user_raises_an_error_with_the_columns(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="no column looks like the user's id") as error:
        roles.infer_roles(table_of(tmp_path, {"who": [1], "item_id": [2]}))
    assert "columns: who, item_id" in str(error.value.where)


def test_infer_roles_without_an_item_raises(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="no column looks like the item's id"):
        roles.infer_roles(table_of(tmp_path, {"user_id": [1], "what": [2]}))


@pytest.mark.parametrize("name", ["weight", "watch_seconds", "watchTime", "play_duration"])
def test_infer_roles_watch_time_is_the_weight(tmp_path: Path, name: str) -> None:
    found, _, _ = roles.infer_roles(table_of(tmp_path, {"user": [1], "item": [2], name: [3.5]}))
    assert found.weight == name


def test_infer_roles_order_column_is_an_order(tmp_path: Path) -> None:
    found, _, _ = roles.infer_roles(
        table_of(tmp_path, {"user_id": [1], "item_id": [2], "order": [3]})
    )
    assert found.timestamp_format == "order"


def test_infer_roles_small_times_are_an_order_with_a_warning(tmp_path: Path) -> None:
    found, warnings, _ = roles.infer_roles(
        table_of(tmp_path, {"u": [1], "user": [1], "item": [2], "time": [7]})
    )
    assert found.timestamp_format == "order"
    assert "too small for times" in warnings[0]


def test_infer_roles_without_time_warns_of_file_order(tmp_path: Path) -> None:
    _, warnings, _ = roles.infer_roles(table_of(tmp_path, {"user": [1], "item": [2]}))
    assert "events are in file order" in warnings[0]


def test_infer_roles_day_before_month_follows_from_the_values(tmp_path: Path) -> None:
    columns = {"user": [1, 1], "item": [1, 2], "date": ["03/04/2020", "25/04/2020"]}
    found, warnings, _ = roles.infer_roles(table_of(tmp_path, columns))
    assert found.timestamp_format == "day-first"
    assert not warnings


def test_infer_roles_ambiguous_day_and_month_warn(tmp_path: Path) -> None:
    columns = {"user": [1, 1], "item": [1, 2], "date": ["03/04/2020", "05/04/2020"]}
    found, warnings, _ = roles.infer_roles(table_of(tmp_path, columns))
    assert found.timestamp_format == "month-first"
    assert "cannot be told apart" in warnings[0]


def test_infer_roles_user_zero_on_many_lines_is_unknown(tmp_path: Path) -> None:
    columns = {
        "CustomerID": [0.0, 0.0, 17850.0, 13047.0],
        "StockCode": ["a", "b", "c", "d"],
        "Quantity": [1, 1, 1, 1],
        "Price": [1.0, 2.0, 3.0, 4.0],
    }
    found, warnings, _ = roles.infer_roles(table_of(tmp_path, columns, "e.parquet"))
    assert found.missing_users == ("0",)
    assert (found.quantity, found.price) == ("Quantity", "Price")
    assert any("50% of the lines" in w for w in warnings)


def test_infer_roles_user_zero_among_small_ids_is_a_user(tmp_path: Path) -> None:
    columns = {"user_id": [0, 0, 1, 2], "item_id": [1, 2, 3, 4]}
    found, _, _ = roles.infer_roles(table_of(tmp_path, columns))
    assert found.missing_users == ()


@pytest.mark.parametrize(
    ("name", "values", "suggestion"),
    [
        ("click", [0, 1, 0, 0], "--positive 'click == 1'"),
        ("is_purchased", ["true", "false", "false", "true"], "--positive 'is_purchased == true'"),
        ("Clicked", ["True", "False", "False", "True"], "--positive 'Clicked == \"True\"'"),
        ("clicks", [0, 1, 0, 0], None),
        ("click", [0, 1, 2, 0], None),
    ],
)
def test_impression_warning_suggests_a_label(
    tmp_path: Path, name: str, values: list[object], suggestion: str | None
) -> None:
    table = table_of(tmp_path, {"user_id": [1, 1, 2, 2], "item_id": [1, 2, 3, 4], name: values})
    schema, _, _ = roles.infer_roles(table)
    warning = roles.impression_warning(table, schema)
    assert (warning is None) == (suggestion is None)
    if suggestion is not None:
        assert suggestion in str(warning)
        expression = suggestion.removeprefix("--positive '").removesuffix("'")
        labelled = event_log.parse(table, schema, label=expression).frame["label"]
        assert labelled.to_list() == [str(v).lower() in ("1", "true") for v in values]


@pytest.mark.parametrize(
    ("user", "item"),
    [
        ("Código cliente", "código producto"),
        ("Numéro client", "Référence produit"),
        ("codice cliente", "ID articolo"),
        ("Kunden-Nr.", "Art.-Nr."),
        ("id_cliente", "Código do produto"),
    ],
)
def test_infer_roles_finds_names_with_accents_and_spaces(
    tmp_path: Path, user: str, item: str
) -> None:
    table = table_of(tmp_path, {"q": [1, 1], item: ["a", "b"], user: ["c", "c"]})
    found, _, _ = roles.infer_roles(table)
    assert (found.user, found.item) == (user, item)
