"""Events on items that the catalogue lacks: hints, and the share that may be dropped."""

import dataclasses

import polars as pl
import pytest

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.cleaning.rules import BlockCleaning, CleaningLog
from m6rec_cli.preprocessing.cleaning.unknown_ids import KnownIds, TablePaths, UnknownIds
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.tables import PLACE, ROW
from m6rec_cli.system.errors import M6RecError

SCHEMA = Schema(user="u", item="i")


def _resolve(logged: list[str], known: list[str], **options: object) -> pl.DataFrame:
    """The kept events of a log that is cleaned in blocks of two events."""
    ids = {"user": pl.Series(["u"]), "item": pl.Series(sorted(set(logged)))}
    rows = range(1, len(logged) + 1)
    frame = pl.DataFrame(
        {
            ROW: rows,
            PLACE: rows,
            "user": [0] * len(logged),
            "item": [ids["item"].to_list().index(item) for item in logged],
        }
    )
    config = dataclasses.replace(DataConfig(), **options)  # type: ignore[arg-type] - test options
    items = pl.DataFrame({"id": known})
    rules = KnownIds(
        UnknownIds("item", ids["item"], items), UnknownIds("user", ids["user"], None), config
    )
    logs = [BlockCleaning(ids=ids) for _ in rows[::2]]
    kept = [rules.keep(block, log) for block, log in zip(frame.iter_slices(2), logs, strict=True)]
    rules.require(items, None, SCHEMA, TablePaths(events="e.csv", items="i.csv"))
    cleaning = CleaningLog()
    rules.record(cleaning, logs)
    (rule,) = cleaning.rules
    assert rule.dropped == len(frame) - sum(map(len, kept))
    return pl.concat(kept)


@pytest.mark.parametrize(
    ("logged", "known", "part"),
    [
        (["71", "23"], ["0071", "0023"], "without leading zeros"),
        (["0071", "0023"], ["71", "23"], "without leading zeros"),
        (["ab", "cd"], ["AB", "CD"], "in lower case"),
        (["71", "23"], ["71.0", "23.0", "x"], "without `.0`"),
        (["71", "23"], ["p", "q"], "add them to i.csv"),
    ],
)
def test_unknown_items_hint_names_the_spelling_that_fits(
    logged: list[str], known: list[str], part: str
) -> None:
    with pytest.raises(M6RecError, match="not in the catalogue") as error:
        _resolve(logged, known)
    assert part in str(error.value.hint)
    first = ", ".join(f"`{item}` (row {i})" for i, item in enumerate(logged, 1))
    assert str(error.value.where).endswith(f"first: {first}")


def test_unknown_items_drop_refuses_a_large_share() -> None:
    with pytest.raises(M6RecError, match=r"takes 25% of the events: 1 of 4") as error:
        _resolve(["a", "a", "a", "b"], ["a"], unknown_items="drop")
    assert "`--yes`" in str(error.value.hint)


@pytest.mark.parametrize(("n", "most"), [(4, 0.2), (1, 1.0)])
def test_unknown_items_drop_within_the_share_drops(n: int, most: float) -> None:
    kept = _resolve(["a"] * n + ["b"], ["a"], unknown_items="drop", max_unknown_share=most)
    assert len(kept) == n
