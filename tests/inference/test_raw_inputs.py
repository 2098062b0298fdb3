"""Raw logs and user tables give the histories that the data directory gives."""

import dataclasses

import numpy as np

from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import raw_features, raw_inputs
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.system.progress import SilentReporter
from tests.inference.trained import shop

__all__ = ["shop"]


def test_read_histories_of_raw_files_equals_the_data_directory(shop):
    theirs = UserHistories.of_dataset(shop.loaded, Dataset.open(shop.data), "all")
    report = SilentReporter()
    mine = raw_inputs.read_histories(shop.loaded, shop.events, shop.users, report)
    assert report.warnings == []
    assert set(mine.ids) == set(theirs.ids)
    at = {name: row for row, name in enumerate(theirs.ids)}
    rows, their_rows = np.arange(len(mine.ids)), np.array([at[name] for name in mine.ids])
    (_, a), (_, b) = mine.event_positions(rows), theirs.event_positions(their_rows)
    np.testing.assert_array_equal(mine.gaps[a], theirs.gaps[b])
    for name in ("item_row", "timestamp", "event", "weight"):
        mine_array, their_array = getattr(mine.events, name), getattr(theirs.events, name)
        np.testing.assert_array_equal(mine_array[a], their_array[b])
        assert mine_array.dtype == their_array.dtype
    for name, array in mine.profiles.items():
        their_array = theirs.profiles[name]
        np.testing.assert_array_equal(array.mask, their_array.mask[their_rows])
        np.testing.assert_array_equal(
            array.values[array.mask], their_array.values[their_rows][array.mask]
        )


def test_read_histories_looks_for_media_in_the_given_folder_or_beside_the_table(
    shop, tmp_path, monkeypatch
):
    folders = []
    encode_rows = raw_features.encode_rows

    def record(run, frame, specs, entity, media, report):
        folders.append(media)
        return encode_rows(run, frame, specs, entity, media, report)

    monkeypatch.setattr(raw_features, "encode_rows", record)
    raw_inputs.read_histories(shop.loaded, shop.events, shop.users, SilentReporter(), tmp_path)
    raw_inputs.read_histories(shop.loaded, shop.events, shop.users, SilentReporter())
    assert folders == [tmp_path, shop.users.parent]


def test_read_histories_with_profiles_that_the_model_does_not_read_warns(shop):
    spec = dataclasses.replace(shop.loaded.spec, user_specs=())
    run = dataclasses.replace(shop.loaded, spec=spec)
    report = SilentReporter()
    mine = raw_inputs.read_histories(run, None, shop.users, report)
    assert report.warnings == ["the model reads no user features, so profiles change nothing"]
    assert not mine.basis(np.arange(len(mine.ids))).any()
