"""What is asked: judged users, truths, what masking takes away, slices."""

import json

import numpy as np
import pytest

from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation import catalogue_facts, slices, task
from m6rec_cli.evaluation.metrics import diversity
from m6rec_cli.evaluation.metrics._base import Lists
from m6rec_cli.system.errors import M6RecError
from tests import worlds


def test_build_several_truths_are_different_and_sorted(tmp_path):
    data = worlds.write_data(
        tmp_path,
        [0, 0, 1, 2, 2, 2, 2],
        [0, 1, 2, 4, 3, 4, 0],
        n_items=5,
        split=[0, 2, 0, 2, 2, 2, 1],
    )
    question = task.build(data, "test")
    assert question.users.tolist() == [0, 2]
    assert question.truth_user.tolist() == [0, 1, 1]
    assert question.truth_item.tolist() == [1, 3, 4]
    assert question.history_length.tolist() == [1, 1]
    assert question.seen_keys.tolist() == [0, 5]


def test_build_unlabelled_events_are_no_truth_but_history(tmp_path):
    data = worlds.write_data(
        tmp_path, [0, 0, 0], [0, 1, 2], split=[0, 1, 2], label=[False, False, True]
    )
    assert task.build(data, "test").history.item_row.tolist() == [0, 1]
    with pytest.raises(M6RecError, match="the split `valid` has no labelled events") as caught:
        task.build(data, "valid")
    assert "--positive" in (caught.value.hint or "")


def test_build_split_none_has_nothing_to_find(tmp_path):
    data = worlds.write_data(tmp_path, [0, 0, 0], [0, 1, 2], split="none")
    with pytest.raises(M6RecError, match="there is nothing to find") as caught:
        task.build(data, "test")
    assert "data.split" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("kind", "split", "hint"),
    [
        ("leave-one-out", "test", "two labelled events"),
        ("leave-one-out", "valid", "three labelled events"),
        ("ratio", "test", "`data.test_fraction=0.1`"),
        ("ratio", "valid", "`data.valid_fraction=0.1`"),
        ("temporal", "valid", "`data.valid_fraction=0.1`"),
    ],
)
def test_build_empty_split_says_why_it_may_be(tmp_path, kind, split, hint):
    worlds.write_data(tmp_path, [0, 1], [0, 1], split="none")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"split": kind}))
    with pytest.raises(M6RecError, match="there is nothing to find") as caught:
        task.build(Dataset.open(tmp_path), split)
    assert f"`data.split` is `{kind}`" in (caught.value.hint or "")
    assert hint in (caught.value.hint or "")
    assert "none" not in (caught.value.hint or "")


def test_build_sample_keeps_whole_users_and_repeats(tmp_path):
    data = worlds.mixed(tmp_path)
    whole = task.build(data, "test")
    sample = task.build(data, "test", max_users=5, seed=3)
    again = task.build(data, "test", max_users=5, seed=3)
    assert sample.n_users == 5
    np.testing.assert_array_equal(sample.users, again.users)
    for position, user in enumerate(sample.users):
        at = np.searchsorted(whole.users, user)
        np.testing.assert_array_equal(
            sample.truth_item[sample.truth_user == position],
            whole.truth_item[whole.truth_user == at],
        )


def test_popularity_band_divides_the_events():
    band = slices.popularity_band(np.array([0, 40, 20, 10, 10, 10, 10]))
    assert [slices.BANDS[b] for b in band] == [
        "cold",
        "head",
        "middle",
        "middle",
        "tail",
        "tail",
        "tail",
    ]


def test_slices_parts_divide_the_truths(tmp_path):
    question = task.build(worlds.planted_content(tmp_path), "test")
    for parts in slices.build(question).values():
        assert np.stack(list(parts.values())).sum(axis=0).tolist() == [1] * len(question.truth_item)
    assert list(slices.build(question)["item_popularity"]) == ["cold"]
    assert list(slices.build(question)["transition"]) == ["unseen"]


def test_slices_transitions_of_a_cycle_are_seen(tmp_path):
    question = task.build(worlds.planted_cycle(tmp_path), "test")
    assert list(slices.build(question)["transition"]) == ["seen"]
    assert list(slices.build(question)["history_length"]) == ["5-9"]


def test_slices_user_without_history_is_cold(tmp_path):
    data = worlds.write_data(tmp_path, [0, 0, 1], [0, 1, 1], split=[0, 2, 2])
    parts = slices.build(task.build(data, "test"))
    assert parts["users"]["cold"].tolist() == [False, True]
    assert parts["history_length"]["0"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("features", "diversity", "calibration"),
    [
        ({}, "users in common", "popularity bands"),
        ({"v": worlds.Column("vector", np.eye(3))}, "v", "popularity bands"),
        (
            {"c": worlds.Column("categorical", [0, 1, 1]), "v": worlds.Column("vector", np.eye(3))},
            "c",
            "c",
        ),
        (
            {
                "c": worlds.Column("categorical", [0, 1, 1]),
                "s": worlds.Column("set", [[0], [1, 0], [1]]),
            },
            "c, s",
            "s",
        ),
    ],
)
def test_catalogue_takes_content_where_there_is_some(tmp_path, features, diversity, calibration):
    data = worlds.write_data(tmp_path, [0, 0, 0], [0, 1, 2], item_features=features)
    about, over = catalogue_facts.build(task.build(data, "test"))
    assert over == {"diversity": diversity, "calibration": calibration}
    assert about.vectors.shape[0] == about.groups.shape[0] == about.n_items == 3
    np.testing.assert_allclose(np.asarray(about.groups.sum(axis=1)).ravel(), 1)


def test_catalogue_passes_over_a_feature_that_no_item_has(tmp_path):
    features = {
        "gone": worlds.Column("set", [[1], [2], [1]], np.zeros(3, bool), size=3),
        "c": worlds.Column("categorical", [0, 1, 1], size=2),
    }
    data = worlds.write_data(tmp_path, [0, 0, 0], [0, 1, 2], item_features=features)
    _, over = catalogue_facts.build(task.build(data, "test"))
    assert over == {"diversity": "c", "calibration": "c"}


def test_catalogue_rare_and_unknown_values_are_no_likeness(tmp_path):
    features = {
        "c": worlds.Column("categorical", [0, 0, 1, 1], size=2),
        "s": worlds.Column("set", [[0], [0], [0, 2], [2]], size=3),
        "rare": worlds.Column("categorical", [0, 0, 0, 0], size=2),
    }
    data = worlds.write_data(tmp_path, [0, 0, 0, 0], [0, 1, 2, 3], item_features=features)
    about, over = catalogue_facts.build(task.build(data, "test"))
    assert over == {"diversity": "c, s", "calibration": "s"}
    shown = Lists(np.array([[0, 1], [2, 3], [0, 2]], np.int32))
    np.testing.assert_allclose(diversity.at(shown, 2, about), [1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(
        about.groups.toarray(), [[1, 0, 0], [1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]]
    )


def test_catalogue_of_rare_values_alone_is_compared_by_users(tmp_path):
    features = {"c": worlds.Column("categorical", [0, 0, 0], size=2)}
    data = worlds.write_data(tmp_path, [0, 0, 0], [0, 1, 2], item_features=features)
    _, over = catalogue_facts.build(task.build(data, "test"))
    assert over == {"diversity": "users in common", "calibration": "popularity bands"}
