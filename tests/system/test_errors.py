from pathlib import Path

import pytest

from m6rec_cli.system.errors import (
    M6RecError,
    Terminated,
    UsageError,
    nearest_hint,
    missing_path_hint,
)


def test_error_with_all_parts_reads_as_three_lines():
    error = M6RecError(
        "37 events name unknown items",
        where="events.csv, column `item_id`",
        hint="add them to items.csv",
    )
    assert str(error).splitlines() == [
        "37 events name unknown items",
        "  where: events.csv, column `item_id`",
        "  hint: add them to items.csv",
    ]


def test_error_without_place_and_hint_reads_as_one_line():
    assert str(M6RecError("the file is empty")) == "the file is empty"


def test_error_kinds_have_the_documented_exit_codes():
    assert M6RecError("x").exit_code == 1
    assert UsageError("x").exit_code == 2
    assert Terminated(143).exit_code == 143


def test_terminated_is_no_fault_of_the_user():
    assert not isinstance(Terminated(130), M6RecError)
    assert str(Terminated(130)) == "stopped with exit code 130"


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("mingur", ["gru", "lstm", "mingru"], "did you mean `mingru`?"),
        ("zzz", ["gru", "lru"], "known: `gru`, `lru`"),
        ("zzz", [], "known: none"),
    ],
)
def test_nearest_names_the_closest_or_all(name: str, known: list[str], hint: str):
    assert nearest_hint(name, known) == hint


def test_nearest_takes_an_iterator_once():
    assert nearest_hint("q", iter(["b", "a"])) == "known: `a`, `b`"


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("item.csv", "did you mean `{folder}/items.csv`?"),
        ("items.cvs", "did you mean `{folder}/items.csv`?"),
        ("events.csv", None),
        ("recs.csv", None),
        ("items", "did you mean `{folder}/items.csv`?"),
        ("shop/items.csv", "there is no folder `{folder}/shop`"),
        ("items.csv/x", "there is no folder `{folder}/items.csv`"),
    ],
)
def test_not_there_names_the_closest_name_or_the_folder_that_is_missing(
    tmp_path: Path, asked: str, hint: str | None
):
    (tmp_path / "items.csv").write_text("")
    (tmp_path / "photographs").mkdir()
    assert missing_path_hint(tmp_path / asked) == (hint and hint.format(folder=tmp_path))
