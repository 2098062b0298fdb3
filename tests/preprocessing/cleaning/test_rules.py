"""The log of cleaning rules: counts and examples."""

import polars as pl

from m6rec_cli.data.manifest import CleaningRule
from m6rec_cli.preprocessing.cleaning.rules import BlockCleaning, CleaningLog, dropped_message
from m6rec_cli.preprocessing.tables import PLACE, ROW


def test_keep_rows_counts_dropped_rows_and_shows_the_first() -> None:
    cleaning = CleaningLog()
    frame = pl.DataFrame(
        {
            ROW: [1, 2, 3, 4, 5],
            "id": ["a", None, "c", "d", "e"],
            "ok": [True, False, None, False, False],
        }
    )
    kept = cleaning.keep_rows(frame, "rule", pl.col("ok"), "id")
    assert kept["id"].to_list() == ["a"]
    examples = ["(row 2)", "c (row 3)", "d (row 4)"]
    assert cleaning.rules == [CleaningRule(rule="rule", dropped=4, examples=examples)]
    assert cleaning.rules[0].to_json() == {"rule": "rule", "dropped": 4, "examples": examples}


def test_rules_of_blocks_add_up_with_the_first_examples_of_the_log():
    ids = {"item": pl.Series(["x", "y", "z"])}
    blocks = []
    for rows in ([2, 9, 11], [], [4, 5, 6, 7]):
        log = BlockCleaning(ids=ids)
        codes = pl.Series([row % 3 for row in rows], dtype=pl.UInt32)
        frame = pl.DataFrame({ROW: pl.Series(rows, dtype=pl.UInt32), "item": codes})
        assert len(log.keep_rows(frame, "early", pl.col(ROW) > 100, "item")) == 0
        places = frame.with_columns(PLACE=20 - pl.col(ROW)).rename({"PLACE": PLACE})
        kept = log.keep_rows(places, "late", pl.col("item") == 0, "item")
        log.count_changed("changed", len(kept))
        blocks.append(log)
    cleaning = CleaningLog()
    cleaning.add_blocks(blocks)
    early = CleaningRule(rule="early", dropped=7, examples=["z (row 2)", "y (row 4)", "z (row 5)"])
    # Each block shows the first three rows that it dropped, in the order of its frame.
    late = CleaningRule(rule="late", dropped=5, examples=["z (row 11)", "y (row 7)", "z (row 5)"])
    assert cleaning.rules == [early, late, CleaningRule(rule="changed", changed=2)]


def test_count_changed_cuts_long_examples() -> None:
    cleaning = CleaningLog()
    cleaning.count_changed("rule", 1, ["x" * 100])
    assert cleaning.rules[0].examples == ["x" * 59 + "…"]


def test_dropped_message_has_count_total_and_examples() -> None:
    rule = CleaningRule(rule="events: no item id", dropped=1200, examples=["a (row 3)"])
    start = "events dropped by the rule `events: no item id`: 1,200"
    assert dropped_message(rule) == f"{start}, first: a (row 3)"
    assert dropped_message(rule, 5000) == f"{start} of 5,000, first: a (row 3)"


def test_dropped_message_of_a_table_names_it() -> None:
    rule = CleaningRule(rule="items: no id", dropped=2)
    assert (
        dropped_message(rule, 9)
        == "rows of the item table dropped by the rule `items: no id`: 2 of 9"
    )
