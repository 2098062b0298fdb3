"""Users of a data directory: histories, what lists rest on, and profiles that must fit the run."""

import dataclasses
import json
import shutil

import numpy as np
import polars as pl
import pytest

from m6rec_cli.data.queries import Queries
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference.user_histories import BASES, UserHistories
from m6rec_cli.system.errors import M6RecError
from tests.inference.trained import USERS, shop
from tests.seals import reseal

__all__ = ["shop"]


@pytest.fixture(scope="module")
def histories(shop):
    return UserHistories.of_dataset(shop.loaded, Dataset.open(shop.data), "all")


def test_seen_gives_the_histories_in_order(shop, histories):
    rows = np.array([40, 3, 62, 3])
    owner, items = histories.seen(rows)
    assert (np.diff(owner) >= 0).all()
    ids = shop.loaded.catalogue.ids
    for place, row in enumerate(rows):
        assert ids.gather(items[owner == place]).to_list() == shop.history(histories.ids[int(row)])


def test_basis_follows_events_and_profile(histories):
    rows = np.arange(len(histories.ids))
    names = [BASES[code] for code in histories.basis(rows)]
    assert names == ["history+profile"] * USERS + ["profile"] * 4 + ["popularity"]


def test_with_unknown_users_adds_users_without_events_and_profile(histories):
    more = histories.with_unknown_users(pl.Series("id", ["x", "y"]))
    rows = np.array([len(histories.ids), len(histories.ids) + 1])
    assert more.ids.gather(rows).to_list() == ["x", "y"]
    assert [BASES[code] for code in more.basis(rows)] == ["popularity"] * 2
    assert len(more.seen(rows)[0]) == 0
    contexts, _ = more.contexts(np.array([0, rows[0], 64, rows[1]]))
    np.testing.assert_allclose(contexts[1], contexts[3], atol=1e-6)
    # User 904 has no event and no profile either.
    np.testing.assert_allclose(contexts[1], contexts[2], atol=1e-6)
    np.testing.assert_allclose(contexts[0], histories.contexts(np.array([0]))[0][0], atol=1e-5)


def test_of_dataset_before_a_split_ends_the_histories(shop):
    data = Dataset.open(shop.data)
    sizes = [
        np.diff(UserHistories.of_dataset(shop.loaded, data, before).offsets)[:USERS]
        for before in ("valid", "test", "all")
    ]
    assert (sizes[0] + 1 == sizes[1]).all()
    assert (sizes[1] + 1 == sizes[2]).all()


@pytest.mark.parametrize("max_history", [200, 3])
def test_of_queries_contexts_equal_those_of_users_with_such_a_history(shop, max_history):
    data = Dataset.open(shop.data)
    config = shop.loaded.config
    model = dataclasses.replace(config.model, max_history=max_history)
    run = dataclasses.replace(shop.loaded, config=dataclasses.replace(config, model=model))
    log = data.history("all")
    offsets = log.offsets(data.n_users)
    # Each user after none, some and all of their events; user 64 has none.
    known = [(u, n) for u in (2, 3, 40, 64) for n in range(offsets[u + 1] - offsets[u] + 1)]
    user, n = np.array(known).T
    queries = Queries(events=log, user_row=user, start=offsets[user], stop=offsets[user] + n)
    rolled = UserHistories.of_queries(run, data, queries)
    rows = np.arange(len(queries))
    contexts, states = rolled.contexts(rows)
    owner, items = rolled.latest(rows, 2)
    for count in np.unique(n):
        # The same log without each user's later events.
        kept = np.arange(len(log)) < (offsets[:-1] + count)[log.user_row]
        users = UserHistories.of_dataset(run, data, "all")
        users = dataclasses.replace(users, events=users.events.take(kept))
        mine = np.flatnonzero(n == count)
        expected = users.contexts(user[mine])
        np.testing.assert_allclose(contexts[mine], expected[0], atol=1e-5)
        np.testing.assert_allclose(states[mine], expected[1], atol=1e-5)
        for row in mine:
            theirs = users.latest(user[row : row + 1], 2)[1]
            assert items[owner == row].tolist() == theirs.tolist()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda specs: [s for s in specs if s["entity"] == "item"],
            "have no feature `taste`, which the model reads",
        ),
        (
            lambda specs: [
                {**s, "state": {**s["state"], "column": "t"}} if s["entity"] == "user" else s
                for s in specs
            ],
            "the user feature `taste` was not fitted as in the run",
        ),
    ],
)
def test_of_dataset_with_other_profiles_is_an_error(shop, tmp_path, change, match):
    path = shutil.copytree(shop.data, tmp_path / "data")
    features = path / "features" / "features.json"
    features.write_text(json.dumps(change(json.loads(features.read_text()))))
    reseal(path)
    with pytest.raises(M6RecError, match=match) as caught:
        UserHistories.of_dataset(shop.loaded, Dataset.open(path), "all")
    assert f"`m6rec preprocess --like {shop.run}`" in str(caught.value)
