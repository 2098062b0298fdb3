"""Who is answered: histories by user, bases, strangers, and profiles that must fit the run."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import raw_inputs
from m6rec_cli.inference.user_histories import BASES, UserHistories
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.inference.trained import USERS, shop

__all__ = ["shop"]


@pytest.fixture(scope="module")
def audience(shop):
    return UserHistories.of_dataset(shop.loaded, Dataset.open(shop.data), "all")


def test_seen_pairs_are_the_histories_in_order(shop, audience):
    rows = np.array([40, 3, 62, 3])
    owner, items = audience.seen(rows)
    assert (np.diff(owner) >= 0).all()
    ids = shop.loaded.items["id"]
    for place, row in enumerate(rows):
        assert ids.gather(items[owner == place]).to_list() == shop.history(audience.ids[int(row)])


def test_basis_by_events_and_profile(audience):
    rows = np.arange(len(audience.ids))
    names = [BASES[code] for code in audience.basis(rows)]
    assert names == ["history+profile"] * USERS + ["profile"] * 4 + ["popularity"]


def test_profiles_media_lie_in_the_folder_that_is_named_or_beside_the_table(
    shop, tmp_path, monkeypatch
):
    places = []
    encode = raw_inputs._encode

    def watched(run, frame, specs, entity, root, report):
        places.append(root)
        return encode(run, frame, specs, entity, root, report)

    monkeypatch.setattr(raw_inputs, "_encode", watched)
    raw_inputs.audience(shop.loaded, shop.events, shop.users, SilentReporter(), tmp_path)
    raw_inputs.audience(shop.loaded, shop.events, shop.users, SilentReporter())
    assert places == [tmp_path, shop.users.parent]


def test_with_strangers_are_known_by_nothing(audience):
    more = audience.with_strangers(pl.Series("id", ["x", "y"]))
    rows = np.array([len(audience.ids), len(audience.ids) + 1])
    assert more.ids.gather(rows).to_list() == ["x", "y"]
    assert [BASES[code] for code in more.basis(rows)] == ["popularity"] * 2
    assert len(more.seen(rows)[0]) == 0
    contexts, _ = more.contexts(np.array([0, rows[0], 64, rows[1]]))
    np.testing.assert_allclose(contexts[1], contexts[3], atol=1e-6)
    np.testing.assert_allclose(
        contexts[1], contexts[2], atol=1e-6
    )  # user 904, of whom nothing is known either
    np.testing.assert_allclose(contexts[0], audience.contexts(np.array([0]))[0][0], atol=1e-5)


def test_of_dataset_before_ends_histories(shop):
    data = Dataset.open(shop.data)
    sizes = [
        np.diff(UserHistories.of_dataset(shop.loaded, data, before).offsets)[:USERS]
        for before in ("valid", "test", "all")
    ]
    assert (sizes[0] + 1 == sizes[1]).all()
    assert (sizes[1] + 1 == sizes[2]).all()


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
def test_of_dataset_other_profiles_are_refused(shop, tmp_path, change, match):
    path = shutil.copytree(shop.data, tmp_path / "data")
    features = path / "features" / "features.json"
    features.write_text(json.dumps(change(json.loads(features.read_text()))))
    with pytest.raises(M6RecError, match=match) as caught:
        UserHistories.of_dataset(shop.loaded, Dataset.open(path), "all")
    assert f"`m6rec preprocess --like {shop.run}`" in str(caught.value)


def test_audience_of_raw_files_knows_what_the_data_directory_knows(shop, audience):
    report = SilentReporter()
    mine = raw_inputs.audience(shop.loaded, shop.events, shop.users, report)
    assert report.warnings == []
    assert set(mine.ids) == set(audience.ids)
    at = {name: row for row, name in enumerate(audience.ids)}
    theirs = np.array([at[name] for name in mine.ids])
    rows = np.arange(len(mine.ids))
    for name in ("item_row", "timestamp", "event", "weight"):
        (_, a), (_, b) = mine._events_of(rows), audience._events_of(theirs)
        np.testing.assert_array_equal(
            getattr(mine.events, name)[a], getattr(audience.events, name)[b]
        )
        assert getattr(mine.events, name).dtype == getattr(audience.events, name).dtype
        np.testing.assert_array_equal(mine.gaps[a], audience.gaps[b])
    for name, array in mine.profiles.items():
        np.testing.assert_array_equal(array.mask, audience.profiles[name].mask[theirs])
        np.testing.assert_array_equal(
            array.values[array.mask], audience.profiles[name].values[theirs][array.mask]
        )


def test_audience_profiles_of_a_model_without_user_features_warn(shop):
    import dataclasses

    run = dataclasses.replace(
        shop.loaded, specs=dataclasses.replace(shop.loaded.specs, user_specs=())
    )
    report = SilentReporter()
    mine = raw_inputs.audience(run, None, shop.users, report)
    assert report.warnings == ["the model reads no user features, so the profiles tell it nothing"]
    assert not mine.basis(np.arange(len(mine.ids))).any()


def test_with_items_a_model_without_content_cannot_score_new_items(shop):
    import dataclasses

    run = dataclasses.replace(
        shop.loaded, specs=dataclasses.replace(shop.loaded.specs, item_specs=())
    )
    with pytest.raises(
        M6RecError, match="the model reads no item features, so it cannot score new items"
    ):
        raw_inputs.with_items(run, shop.items, None, SilentReporter())
