"""Orders of events that are planted in shuffled logs, and columns that only look like orders."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing import event_log, tables
from m6rec_cli.preprocessing.columns import roles
from m6rec_cli.preprocessing.schema import SchemaHints
from tests.preprocessing.columns.table_files import table_of

N_USERS = 12
Planted = dict[int, list[int]]


def shop(seed: int = 0, *, global_orders: bool = False) -> pl.DataFrame:
    """A log in its true order: days of orders of lines, with numbers for both."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(N_USERS):
        day = 0
        for order in range(1, int(rng.integers(2, 5))):
            day += int(rng.integers(0, 3))  # two orders of a day
            for line in range(1, int(rng.integers(3, 7))):
                rows.append((user, int(rng.integers(0, 40)), order, line, day))
    frame = pl.DataFrame(rows, schema=["user", "item", "nth", "place", "day"], orient="row")
    return frame.with_columns(
        bought=pl.date(2024, 3, 1) + pl.duration(days="day"),
        basket=pl.format("{}-{}", pl.lit("b") + pl.col("user").hash().cast(pl.String), "nth"),
    )


def recovered(
    folder: Path, frame: pl.DataFrame, *, seed: int = 1, hints: SchemaHints | None = None
) -> tuple[Planted, list[str], dict[str, str], tuple[str, ...]]:
    """The items of each user in the order that is read from the shuffled lines."""
    folder.mkdir(exist_ok=True)
    frame.sample(fraction=1, shuffle=True, seed=seed).write_csv(folder / "e.csv")
    table = tables.scan(folder / "e.csv", "interactions")
    schema, warnings, unused = roles.infer_roles(table, hints)
    events = event_log.read_events(table, schema)
    read = {
        int(user[0]): [int(item) for item in part["item_id"]]
        for user, part in events.group_by("user_id", maintain_order=True)
    }
    columns = schema.order
    return read, warnings, unused, (schema.timestamp, *columns) if schema.timestamp else columns


def truth(frame: pl.DataFrame) -> Planted:
    return {user: frame.filter(pl.col("user") == user)["item"].to_list() for user in range(N_USERS)}


USUAL = [("order_number", "add_to_cart_order"), ("visit_number", "position")]
OTHER = [("Reihenfolge", "Positionsnummer"), ("sequence", "slot"), ("顺序", "位置")]


@pytest.mark.parametrize(
    ("nth", "place", "has_basket"),
    [
        *((*names, True) for names in (*USUAL, *OTHER)),
        *((*names, False) for names in USUAL),
    ],
)
def test_a_log_without_a_time_is_ordered_by_order_number_and_position(
    tmp_path: Path, nth: str, place: str, has_basket: bool
) -> None:
    named = shop().rename({"nth": nth, "place": place, "basket": "basket_id"})
    frame = named.select("user", "item", nth, place, *(["basket_id"] if has_basket else []))
    read, warnings, _, columns = recovered(tmp_path, frame)
    assert columns == (nth, place)
    assert read == truth(shop())
    assert f"in the order of `{nth}`, then `{place}`, a guess" in warnings[0]


@pytest.mark.parametrize(("nth", "place"), OTHER)
def test_numbers_that_come_again_without_a_usual_name_or_a_basket_are_no_order(
    tmp_path: Path, nth: str, place: str
) -> None:
    frame = shop().rename({"nth": nth, "place": place}).select("user", "item", nth, place)
    _, warnings, unused, columns = recovered(tmp_path, frame)
    assert columns == ()
    reason = "named as an order, but its numbers come again within a user"
    assert unused == {nth: reason, place: reason}
    assert any("has no time column: events are in file order" in w for w in warnings)


@pytest.mark.parametrize("has_nth", [True, False])
def test_ties_of_a_time_are_broken_by_an_order(tmp_path: Path, has_nth: bool) -> None:
    frame = shop().rename({"nth": "order_number", "place": "position"})
    if not has_nth:  # one order a day, so that the day separates them
        frame = frame.filter(
            pl.col("order_number").min().over("user", "bought") == pl.col("order_number")
        )
    wanted = ["user", "item", "bought", "position", *(["order_number"] if has_nth else [])]
    read, warnings, _, columns = recovered(tmp_path, frame.select(wanted))
    expected = ("order_number", "position") if has_nth else ("position",)
    assert columns == ("bought", *expected)
    assert read == truth(frame)
    assert any("at the same time are in the order of" in warning for warning in warnings)


def test_positions_of_several_baskets_at_one_time_stay_together(tmp_path: Path) -> None:
    frame = shop().rename({"place": "position", "basket": "invoice_no"})
    read, _, _, columns = recovered(
        tmp_path, frame.select("user", "item", "bought", "position", "invoice_no")
    )
    assert columns == ("bought", "invoice_no", "position")
    # The order of two baskets of a day is unknown, that within each is not.
    for user, part in frame.group_by("user"):
        baskets = ["".join(map(chr, p["item"])) for _, p in part.group_by("nth")]
        items = "".join(map(chr, read[int(str(user[0]))]))
        assert all(basket in items for basket in baskets)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10**6), name=st.sampled_from(["position", "order_number", "seq", "rank"])
)
def test_random_numbers_are_no_order(tmp_path: Path, seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    frame = shop(seed).select("user", "item", "bought")
    numbers = rng.integers(0, 5000, len(frame))
    frame = frame.with_columns(pl.Series(name, numbers))
    for part in (frame, frame.drop("bought")):
        _, warnings, unused, columns = recovered(tmp_path, part)
        assert name not in columns
        assert "named as an order" in unused[name]
        assert "bought" in part.columns or any(f"`{name}`" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        (pl.lit(1), "all its cells are equal"),
        (-pl.col("day") * 2, "contradicts the time"),
        (pl.col("item") + 3, "depends on the item"),
        (pl.col("user") * 3, "depends on the user"),
        (pl.col("item").hash().mod(97) + 0.5, "fractions"),
        (pl.int_range(pl.len()) * 1000 % 937, "no ties|go up one by one|contradicts"),
    ],
)
def test_columns_that_are_no_order_are_said(tmp_path: Path, numbers: pl.Expr, reason: str) -> None:
    many = pl.concat([shop(seed) for seed in range(5)]).sort("user", "day", maintain_order=True)
    frame = many.select("user", "item", "bought", position=numbers)
    _, _, unused, columns = recovered(tmp_path, frame)
    assert columns == ("bought",)
    assert pl.Series([unused["position"]]).str.contains(reason).all(), unused


def test_a_slot_on_the_page_is_no_order(tmp_path: Path) -> None:
    frame = shop().with_columns(
        at=pl.datetime(2024, 1, 1) + pl.duration(hours=pl.int_range(pl.len())),
        slot=pl.col("item") % 7,
    )
    _, _, unused, columns = recovered(tmp_path, frame.select("user", "item", "at", "slot"))
    assert columns == ("at",)
    assert "slot" in unused


def test_an_order_that_restarts_within_a_user_is_said(tmp_path: Path) -> None:
    frame = shop().rename({"place": "position"}).select("user", "item", "position")
    _, warnings, unused, columns = recovered(tmp_path, frame)
    assert columns == ()
    assert "come again within a user" in unused["position"]
    assert any("`position`" in warning for warning in warnings)


def test_a_hint_names_the_order_with_and_without_a_time(tmp_path: Path) -> None:
    frame = shop().rename({"nth": "a", "place": "b"})
    hints = SchemaHints(order=("a", "b"))
    read, warnings, _, columns = recovered(
        tmp_path, frame.select("user", "item", "a", "b"), hints=hints
    )
    assert (read, columns) == (truth(frame), ("a", "b"))
    assert not warnings
    timed = frame.select("user", "item", "a", "b", "bought")
    read, _, _, columns = recovered(tmp_path, timed, hints=hints)
    assert (read, columns) == (truth(frame), ("bought", "a", "b"))


def test_order_false_takes_file_order(tmp_path: Path) -> None:
    frame = shop().rename({"nth": "order_number"}).select("user", "item", "order_number", "bought")
    table = table_of(tmp_path, frame.to_dict(as_series=False))
    schema, _, _ = roles.infer_roles(table, SchemaHints(order=()))
    assert schema.order == ()
