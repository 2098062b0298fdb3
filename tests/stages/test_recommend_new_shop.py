"""`recommend RUN --interactions --items` on the tables of another shop, without any training."""

import numpy as np
import pytest

from m6rec_cli.system.errors import M6RecError
from tests.inference.trained import STYLES, shop, write
from tests.stages.recommending import ask, lists_by_user

__all__ = ["ask", "shop"]

N_USERS, PER_STYLE = 40, 8


def style_of(item: str, first: int) -> str:
    return STYLES[(int(item.removeprefix("n")) - first) // PER_STYLE]


def write_shop(folder, ids: str, names: str = "user_id,item_id,timestamp", first: int = 0):
    """Tables of a shop in which everybody buys items of one style; the last items are not sold."""
    rng = np.random.default_rng(1)
    all_items = [f"{ids}{first + n}" for n in range(PER_STYLE * len(STYLES))]
    rows = [(i, f"Other {i}", STYLES[n // PER_STYLE], 9) for n, i in enumerate(all_items)]
    items = write(folder, "their_items.csv", f"{names.split(',')[1]},title,style,price", rows)
    events = [
        (f"u{user}", all_items[PER_STYLE * (user % 4) + item], 1_650_000_000 + 86_400 * n)
        for user in range(N_USERS)
        for n, item in enumerate(rng.permutation(PER_STYLE - 1)[:4])
    ]
    return {"interactions": write(folder, "their_log.csv", names, events), "items": items}


def test_run_lists_the_items_of_the_new_shop_by_what_is_alike(shop, ask, tmp_path):
    frame = ask("recommend.k=3", **write_shop(tmp_path, "n"))
    assert (
        "0% of the events are on items of the run: the tables are read as those of a new shop"
        in (ask.report.notes)
    )
    assert ask.summary["other_shop"]
    lists = lists_by_user(frame)
    assert len(lists) == N_USERS
    for user, items in lists.items():
        assert all(item.startswith("n") for item in items)
        wanted = STYLES[int(user[1:]) % 4]
        assert [style_of(item, 0) for item in items].count(wanted) >= 2, (user, items)


def test_run_infers_columns_that_the_runs_own_tables_do_not_have(shop, ask, tmp_path):
    tables = write_shop(tmp_path, "n", "Kundennummer,Artikelnummer,Bestelldatum")
    frame = ask("recommend.k=3", **tables)
    assert any("has no column `user_id`, which the run's own has" in n for n in ask.report.notes)
    assert frame["item_id"].str.starts_with("n").all()
    assert set(frame["user_id"]) == {f"u{n}" for n in range(N_USERS)}


def test_run_of_a_shop_that_numbers_its_items_alike_takes_them_as_others(shop, ask, tmp_path):
    """The ids 100 to 131 are items of the run, too, by other titles."""
    tables = write_shop(tmp_path, "", first=100)
    frame = ask("recommend.k=3", **tables, titles=True)
    assert frame["title"].str.starts_with("Other").all()
    assert any("32 of 32 ids that the run knows have another name" in n for n in ask.report.notes)


def test_run_of_a_newer_log_of_the_own_shop_keeps_the_runs_catalogue(shop, ask):
    frame = ask(interactions=shop.events, items=shop.items)
    assert not any("new shop" in note for note in ask.report.notes)
    assert "other_shop" not in ask.summary
    assert len(frame)


def test_run_whose_columns_cannot_be_inferred_says_where_to_name_them(shop, ask, tmp_path):
    tables = write_shop(tmp_path, "n", "who,item_id,timestamp")
    with pytest.raises(M6RecError, match="no column looks like the user's id") as error:
        ask(**tables)
    assert error.value.hint == (
        "say which it is: `--columns user=COLUMN`; likely: `who`. Such flags are those of `m6rec "
        f"preprocess ... --like {shop.run} --out DATA`; then pass `--data DATA` here"
    )
