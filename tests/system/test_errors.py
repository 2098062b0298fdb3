"""Errors and their hints."""

from pathlib import Path

import pytest

from m6rec_cli.system.errors import (
    M6RecError,
    Terminated,
    UsageError,
    missing_path_hint,
    nearest_hint,
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


def test_error_without_where_and_hint_reads_as_one_line():
    assert str(M6RecError("the file is empty")) == "the file is empty"


def test_error_kinds_have_the_documented_exit_codes():
    assert M6RecError("x").exit_code == 1
    assert UsageError("x").exit_code == 2
    assert Terminated(143).exit_code == 143


def test_terminated_is_not_an_m6rec_error():
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
def test_nearest_hint_names_the_closest_or_all(name: str, known: list[str], hint: str):
    assert nearest_hint(name, known) == hint


def test_nearest_hint_of_many_names_lists_some_of_them_or_names_the_command_that_does():
    many = [f"column{n:02}" for n in range(40)]
    hint = nearest_hint("zzz", many)
    assert hint.startswith("known: `column00`, ")
    assert hint.endswith("`column29` and 10 more")
    assert nearest_hint("zzz", many, listed_by="m6rec config") == (
        "`m6rec config` lists what is known"
    )
    assert nearest_hint("column0", many, listed_by="m6rec config").startswith("did you mean")


def test_nearest_hint_accepts_an_iterator():
    assert nearest_hint("q", iter(["b", "a"])) == "known: `a`, `b`"


@pytest.mark.parametrize(
    ("path", "hint"),
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
def test_missing_path_hint_names_the_closest_name_or_the_missing_folder(
    tmp_path: Path, path: str, hint: str | None
):
    (tmp_path / "items.csv").write_text("")
    (tmp_path / "photographs").mkdir()
    assert missing_path_hint(tmp_path / path) == (hint and hint.format(folder=tmp_path))
