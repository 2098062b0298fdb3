"""The generated data sets of `worlds.py` have the properties that their docstrings state."""

import numpy as np

from tests import worlds
from tests.data_directories import write_data


def test_planted_cycle_holds_out_the_next_item_of_the_cycle(tmp_path):
    data = worlds.planted_cycle(tmp_path)
    for split in ("valid", "test"):
        history, truth = data.history(split), data.truth(split)
        last = history.item_row[history.offsets(data.n_users)[1:] - 1]
        assert len(truth) == data.n_users
        np.testing.assert_array_equal(truth.item_row, (last + 1) % data.n_items)


def test_planted_content_holds_out_cold_items(tmp_path):
    data = worlds.planted_content(tmp_path)
    popularity = data.items["popularity"].to_numpy()
    assert (popularity[data.truth("test").item_row] == 0).all()
    assert (popularity > 0).sum() > 30


def test_mixed_has_every_feature_kind_with_masks(tmp_path):
    data = worlds.mixed(tmp_path)
    assert {s.kind for s in data.specs if s.entity == "item"} == {
        "numeric",
        "categorical",
        "set",
        "text",
        "image",
        "vector",
    }
    for spec in data.specs:
        feature = data.feature(spec)
        assert (
            len(feature.values)
            == len(feature.mask)
            == (data.n_items if spec.entity == "item" else data.n_users)
        )
        assert feature.mask.any()
        if spec.kind in ("categorical", "set", "text"):
            assert feature.values.max() < spec.size
    assert data.manifest.event_kinds == ("view", "cart", "buy")
    assert data.truth("test").label.all()


def test_write_data_into_several_event_files_equals_one(tmp_path):
    one = write_data(tmp_path / "1", [1, 0, 0, 1, 0, 1], [0, 1, 2, 3, 4, 5])
    three = write_data(tmp_path / "3", [1, 0, 0, 1, 0, 1], [0, 1, 2, 3, 4, 5], files=3)
    np.testing.assert_array_equal(one.events.item_row, [1, 2, 4, 0, 3, 5])
    for name in ("user_row", "item_row", "split", "timestamp"):
        np.testing.assert_array_equal(getattr(one.events, name), getattr(three.events, name))
    np.testing.assert_array_equal(one.events.split, [0, 1, 2, 0, 1, 2])
