"""Events on items that the catalogue lacks: hints, and the share that may be dropped."""

import dataclasses

import polars as pl
import pytest

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.cleaning.unknown_ids import TablePaths, resolve_unknown_ids
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.tables import ROW
from m6rec_cli.system.errors import M6RecError

SCHEMA = Schema(user="u", item="i")


def _resolve(logged: list[str], known: list[str], **options: object) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            ROW: range(1, len(logged) + 1),
            "user": pl.Series(["u"] * len(logged), dtype=pl.Categorical),
            "item": pl.Series(logged, dtype=pl.Categorical),
        }
    )
    config = dataclasses.replace(DataConfig(), **options)  # type: ignore[arg-type] - test options
    items = pl.DataFrame({"id": known})
    paths = TablePaths(events="e.csv", items="i.csv")
    return resolve_unknown_ids(frame, items, None, SCHEMA, config, CleaningLog(), paths)


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


def test_unknown_items_drop_refuses_a_large_share() -> None:
    with pytest.raises(M6RecError, match=r"takes 25% of the events: 1 of 4") as error:
        _resolve(["a", "a", "a", "b"], ["a"], unknown_items="drop")
    assert "`--yes`" in str(error.value.hint)


@pytest.mark.parametrize(("n", "most"), [(4, 0.2), (1, 1.0)])
def test_unknown_items_drop_within_the_share_drops(n: int, most: float) -> None:
    kept = _resolve(["a"] * n + ["b"], ["a"], unknown_items="drop", max_unknown_share=most)
    assert len(kept) == n
