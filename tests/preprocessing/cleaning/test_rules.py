"""The log of cleaning rules: counts and examples."""

import polars as pl

from m6rec_cli.data.manifest import CleaningRule
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog, dropped_message
from m6rec_cli.preprocessing.tables import ROW


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
