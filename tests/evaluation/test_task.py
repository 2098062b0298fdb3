"""Evaluation tasks: users, targets, masked items, slices and catalogue facts."""

import numpy as np
import pytest

from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation import slices, task
from m6rec_cli.evaluation.catalogue_facts import MeasuredOver, build_catalogue_facts
from m6rec_cli.evaluation.metrics import diversity
from m6rec_cli.evaluation.metrics._base import RankedLists
from m6rec_cli.system.errors import M6RecError
from tests import worlds
from tests.data_directories import Column, write_data
from tests.seals import reseal


def test_build_task_targets_are_distinct_and_sorted(tmp_path):
    data = write_data(
        tmp_path,
        [0, 0, 1, 2, 2, 2, 2],
        [0, 1, 2, 4, 3, 4, 0],
        n_items=5,
        split=[0, 2, 0, 2, 2, 2, 1],
    )
    evaluation = task.build_task(data, "test")
    assert evaluation.users.tolist() == [0, 2]
    assert evaluation.target_query.tolist() == [0, 1, 1]
    assert evaluation.target_item.tolist() == [1, 3, 4]
    assert evaluation.history_length.tolist() == [1, 1]
    query, item = evaluation.masked_items(0, 2)
    assert list(zip(query.tolist(), item.tolist(), strict=True)) == [(0, 0), (1, 0)]


def test_build_task_unlabelled_events_are_history_and_no_targets(tmp_path):
    data = write_data(tmp_path, [0, 0, 0], [0, 1, 2], split=[0, 1, 2], label=[False, False, True])
    assert task.build_task(data, "test").known.item_row.tolist() == [0, 1]
    with pytest.raises(M6RecError, match="the split `valid` has no labelled events") as caught:
        task.build_task(data, "valid")
    assert "--positive" in (caught.value.hint or "")


def test_build_task_split_none_is_an_error(tmp_path):
    data = write_data(tmp_path, [0, 0, 0], [0, 1, 2], split="none")
    with pytest.raises(M6RecError, match="has no labelled events to evaluate on") as caught:
        task.build_task(data, "test")
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
def test_build_task_empty_split_error_explains_why(tmp_path, kind, split, hint):
    write_data(tmp_path, [0, 1], [0, 1], split="none")
    reseal(tmp_path, split=kind)
    with pytest.raises(M6RecError, match="has no labelled events to evaluate on") as caught:
        task.build_task(Dataset.open(tmp_path), split)
    assert f"`data.split` is `{kind}`" in (caught.value.hint or "")
    assert hint in (caught.value.hint or "")
    assert "none" not in (caught.value.hint or "")


def test_build_task_sample_is_reproducible_and_keeps_all_targets_of_a_user(tmp_path):
    data = worlds.mixed(tmp_path)
    whole = task.build_task(data, "test")
    sample = task.build_task(data, "test", max_users=5, seed=3)
    again = task.build_task(data, "test", max_users=5, seed=3)
    assert sample.n_users == 5
    np.testing.assert_array_equal(sample.users, again.users)
    for index, user in enumerate(sample.users):
        at = np.searchsorted(whole.users, user)
        np.testing.assert_array_equal(
            sample.target_item[sample.target_query == index],
            whole.target_item[whole.target_query == at],
        )


def test_popularity_band_splits_the_events():
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


def test_build_slices_each_group_partitions_the_targets(tmp_path):
    evaluation = task.build_task(worlds.planted_content(tmp_path), "test")
    for parts in slices.build_slices(evaluation).values():
        assert np.stack(list(parts.values())).sum(axis=0).tolist() == [1] * len(
            evaluation.target_item
        )
    assert list(slices.build_slices(evaluation)["item_popularity"]) == ["cold"]
    assert list(slices.build_slices(evaluation)["transition"]) == ["unseen"]


def test_build_slices_transitions_of_a_cycle_are_seen(tmp_path):
    evaluation = task.build_task(worlds.planted_cycle(tmp_path), "test")
    assert list(slices.build_slices(evaluation)["transition"]) == ["seen"]
    assert list(slices.build_slices(evaluation)["history_length"]) == ["5-9"]


def test_build_slices_user_without_history_is_cold(tmp_path):
    data = write_data(tmp_path, [0, 0, 1], [0, 1, 1], split=[0, 2, 2])
    parts = slices.build_slices(task.build_task(data, "test"))
    assert parts["users"]["cold"].tolist() == [False, True]
    assert parts["history_length"]["0"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("features", "diversity", "calibration"),
    [
        ({}, "users in common", "popularity bands"),
        ({"v": Column("vector", np.eye(3))}, "v", "popularity bands"),
        (
            {"c": Column("categorical", [0, 1, 1]), "v": Column("vector", np.eye(3))},
            "c",
            "c",
        ),
        (
            {
                "c": Column("categorical", [0, 1, 1]),
                "s": Column("set", [[0], [1, 0], [1]]),
            },
            "c, s",
            "s",
        ),
    ],
)
def test_build_catalogue_facts_uses_content_before_vectors_before_users(
    tmp_path, features, diversity, calibration
):
    data = write_data(tmp_path, [0, 0, 0], [0, 1, 2], item_features=features)
    facts, over = build_catalogue_facts(task.build_task(data, "test"))
    assert over == MeasuredOver(diversity, calibration)
    assert facts.vectors.shape[0] == facts.groups.shape[0] == facts.n_items == 3
    np.testing.assert_allclose(np.asarray(facts.groups.sum(axis=1)).ravel(), 1)


def test_build_catalogue_facts_feature_without_values_is_left_out(tmp_path):
    features = {
        "gone": Column("set", [[1], [2], [1]], np.zeros(3, bool), size=3),
        "c": Column("categorical", [0, 1, 1], size=2),
    }
    data = write_data(tmp_path, [0, 0, 0], [0, 1, 2], item_features=features)
    _, over = build_catalogue_facts(task.build_task(data, "test"))
    assert over == MeasuredOver("c", "c")


def test_build_catalogue_facts_rare_and_unknown_values_are_not_similar(tmp_path):
    features = {
        "c": Column("categorical", [0, 0, 1, 1], size=2),
        "s": Column("set", [[0], [0], [0, 2], [2]], size=3),
        "rare": Column("categorical", [0, 0, 0, 0], size=2),
    }
    data = write_data(tmp_path, [0, 0, 0, 0], [0, 1, 2, 3], item_features=features)
    facts, over = build_catalogue_facts(task.build_task(data, "test"))
    assert over == MeasuredOver("c, s", "s")
    lists = RankedLists(np.array([[0, 1], [2, 3], [0, 2]], np.int32))
    np.testing.assert_allclose(diversity.at(lists, 2, facts), [1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(
        facts.groups.toarray(), [[1, 0, 0], [1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]]
    )


def test_build_catalogue_facts_rare_values_alone_fall_back_to_users(tmp_path):
    features = {"c": Column("categorical", [0, 0, 0], size=2)}
    data = write_data(tmp_path, [0, 0, 0], [0, 1, 2], item_features=features)
    _, over = build_catalogue_facts(task.build_task(data, "test"))
    assert over == MeasuredOver("users in common", "popularity bands")
