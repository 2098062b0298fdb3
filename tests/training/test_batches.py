"""Each epoch contains each target once; fresh items and negatives are sampled as stated."""

import jax
import numpy as np
import pytest

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.tokens import START_LONG
from m6rec_cli.training.batches import TrainingBatches
from tests.data_directories import write_data
from tests.training.training_logs import training_events
from tests.worlds import mixed


@pytest.fixture
def data(tmp_path):
    return mixed(tmp_path / "data", n_users=60, n_items=40)


def make_batches(data, small, *sets, labelled_only=False):
    return TrainingBatches.from_data(
        data, small(*sets), labelled_only=labelled_only, has_content=True
    )


def total_weight(stacks):
    return sum(float(batch.weight[:n].sum()) for batch, n in stacks)


def test_epoch_batches_contain_each_target_once(data, small):
    batches = make_batches(data, small, "train.steps_per_dispatch=3")
    assert (
        total_weight(batches.epoch_batches(0))
        == batches.n_targets
        == (data.events.split == 0).sum()
    )


def test_epoch_batches_from_a_later_step_are_the_rest_of_the_same_batches(data, small):
    batches = make_batches(data, small, "train.steps_per_dispatch=1")
    whole, rest = list(batches.epoch_batches(1)), list(batches.epoch_batches(1, 2))
    assert len(rest) == len(whole) - 2
    for (a, _), (b, _) in zip(whole[2:], rest, strict=True):
        jax.tree.map(np.testing.assert_array_equal, a, b)


def test_batches_labelled_only_have_the_labelled_targets_with_their_weights(data, small):
    batches = make_batches(data, small, labelled_only=True)
    chosen = (data.events.split == 0) & data.events.label
    np.testing.assert_allclose(
        total_weight(batches.epoch_batches(0)), data.events.weight[chosen].sum(), rtol=1e-5
    )


def test_batches_with_a_label_fraction_keep_all_labels_of_some_users(data, small):
    batches = make_batches(data, small, "train.label_fraction=0.5", labelled_only=True)
    log = training_events(batches)
    users = log.events.user_row[log.weight > 0]
    labelled = log.events.user_row[(log.events.label) & np.isin(log.events.user_row, users)]
    assert len(users) == len(labelled)
    assert 0 < len(np.unique(users)) < 0.8 * len(np.unique(log.events.user_row))


def test_future_targets_replace_the_first_target_by_any_event_of_the_user_and_no_other(data, small):
    batches = make_batches(data, small, "train.future_targets=1")
    log = training_events(batches)
    first = np.append(log.events.item_row, -1)[log.events.offsets(data.n_users)[:-1]]
    n_replaced = 0
    for epoch in range(5):
        (rows,) = (block.rows for block in batches.packed_blocks(epoch))
        starts = rows.reset & (rows.weight > 0) & (rows.item == -1)
        n_replaced += int((rows.target[starts] != first[rows.user[starts]]).sum())
        for user, target in zip(rows.user[starts], rows.target[starts], strict=True):
            assert target in log.events.item_row[log.events.user_row == user]
        inner = ~starts[:, :-1] & (rows.weight[:, :-1] > 0) & ~rows.reset[:, 1:]
        np.testing.assert_array_equal(rows.target[:, :-1][inner], rows.item[:, 1:][inner])
    assert n_replaced > 2 * data.n_users


def test_long_horizon_marks_half_of_the_histories_and_replaces_their_targets_alone(data, small):
    batches = make_batches(data, small, "model.long_horizon=3")
    log = training_events(batches)
    starts_at = log.events.offsets(data.n_users)
    marked, other_targets = 0, 0
    for epoch in range(6):
        (rows,) = (block.rows for block in batches.packed_blocks(epoch))
        row, at = np.nonzero((rows.weight > 0) & (rows.item < 0))
        for r, t in zip(row, at, strict=True):
            user = rows.user[r, t]
            own = log.events.item_row[starts_at[user] : starts_at[user + 1]]
            is_long = rows.item[r, t] == START_LONG
            marked += is_long
            other_targets += is_long and rows.target[r, t] != own[0]
            assert rows.target[r, t] in (own if is_long else own[:1])
    n = 6 * len(np.unique(log.events.user_row))
    assert 0.35 * n < marked < 0.65 * n
    assert other_targets > 0.5 * marked


def test_long_horizon_and_future_targets_contradict_each_other(data, small):
    with pytest.raises(M6RecError, match="beside it"):
        make_batches(data, small, "model.long_horizon=3", "train.future_targets=3")


def test_future_targets_with_labels_are_labelled(data, small):
    batches = make_batches(data, small, "train.future_targets=3", labelled_only=True)
    log = training_events(batches)
    (rows,) = (block.rows for block in batches.packed_blocks(0))
    labelled = set(
        zip(
            log.events.user_row[log.weight > 0].tolist(),
            log.events.item_row[log.weight > 0].tolist(),
            strict=True,
        )
    )
    is_target = rows.weight > 0
    assert (
        set(zip(rows.user[is_target].tolist(), rows.target[is_target].tolist(), strict=True))
        <= labelled
    )
    # The first place of each history with a label has a target, too.
    starts = rows.reset & (rows.item == -1)
    assert set(rows.user[starts & is_target].tolist()) >= {user for user, _ in labelled}


def test_fresh_items_are_distinct_and_their_scales_sum_to_the_catalogue(data, small):
    batches = make_batches(
        data, small, "model.encoder.refresh_rows=16", "train.steps_per_dispatch=1"
    )
    assert batches.encodes_some_items
    for batch, _ in batches.epoch_batches(0):
        fresh, scale = batch.fresh_items[0], batch.fresh_scale[0]
        assert len(np.unique(fresh)) == 16
        np.testing.assert_allclose(scale.sum(), data.n_items, rtol=1e-5)


def test_batches_of_a_small_catalogue_encode_all_items(data, small):
    batches = make_batches(data, small)
    assert not batches.encodes_some_items
    assert batches.n_fresh == 0


def test_negatives_have_the_log_of_their_expected_count(data, small):
    batches = make_batches(
        data, small, "train.softmax=sampled", "train.negatives=64", "train.steps_per_dispatch=1"
    )
    batch, _ = next(batches.epoch_batches(0))
    expected = 32 * batches.log.popularity / batches.log.popularity.sum() + 32 / data.n_items
    np.testing.assert_allclose(
        batch.log_expected[0], np.log(expected[batch.negatives[0]]), rtol=1e-5
    )
    np.testing.assert_allclose(expected.sum(), 64)


def test_batches_labelled_only_of_data_without_labels_are_refused(tmp_path, small):
    data = write_data(tmp_path / "none", [0, 0, 0], [0, 1, 2], label=[False] * 3, split="none")
    with pytest.raises(M6RecError, match="no training event is a target: none is labelled"):
        make_batches(data, small, labelled_only=True)
