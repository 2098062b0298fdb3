import jax
import numpy as np
import pytest

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.training.batches import TrainingBatches
from tests.worlds import mixed, write_data


@pytest.fixture
def data(tmp_path):
    return mixed(tmp_path / "data", n_users=60, n_items=40)


def feed(data, small, *sets, labelled_only=False):
    return TrainingBatches.from_data(
        data, small(*sets), labelled_only=labelled_only, has_content=True
    )


def targets(it):
    return sum(float(batch.weight[:n].sum()) for batch, n in it)


def test_feed_epoch_visits_every_target_once(data, small):
    f = feed(data, small, "train.steps_per_dispatch=3")
    assert targets(f.epoch_batches(0)) == f.n_targets == (data.events.split == 0).sum()


def test_feed_start_in_mid_epoch_gives_the_rest_of_the_same_batches(data, small):
    f = feed(data, small, "train.steps_per_dispatch=1")
    whole, rest = list(f.epoch_batches(1)), list(f.epoch_batches(1, 2))
    assert len(rest) == len(whole) - 2
    for (a, _), (b, _) in zip(whole[2:], rest, strict=True):
        jax.tree.map(np.testing.assert_array_equal, a, b)


def test_feed_labels_are_the_only_targets_with_their_weight(data, small):
    f = feed(data, small, labelled_only=True)
    chosen = (data.events.split == 0) & data.events.label
    np.testing.assert_allclose(
        targets(f.epoch_batches(0)), data.events.weight[chosen].sum(), rtol=1e-5
    )


def test_feed_label_fraction_keeps_whole_users(data, small):
    f = feed(data, small, "train.label_fraction=0.5", labelled_only=True)
    users = f.events.user_row[f.weight > 0]
    labelled = f.events.user_row[(f.events.label) & np.isin(f.events.user_row, users)]
    assert len(users) == len(labelled)
    assert 0 < len(np.unique(users)) < 0.8 * len(np.unique(f.events.user_row))


def test_feed_long_run_teaches_the_start_any_event_of_the_user_and_later_places_the_next(
    data, small
):
    f = feed(data, small, "train.future_targets=1")
    first = np.append(f.events.item_row, -1)[f.events.offsets(data.n_users)[:-1]]
    later = 0
    for epoch in range(5):
        rows = f.pack_epoch(epoch)
        begins = rows.reset & (rows.weight > 0) & (rows.item == -1)
        later += int((rows.target[begins] != first[rows.user[begins]]).sum())
        for user, target in zip(rows.user[begins], rows.target[begins], strict=True):
            assert target in f.events.item_row[f.events.user_row == user]
        inner = ~begins[:, :-1] & (rows.weight[:, :-1] > 0) & ~rows.reset[:, 1:]
        np.testing.assert_array_equal(rows.target[:, :-1][inner], rows.item[:, 1:][inner])
    assert later > 2 * data.n_users


def test_feed_long_run_with_labels_teaches_labels_alone(data, small):
    f = feed(data, small, "train.future_targets=3", labelled_only=True)
    rows = f.pack_epoch(0)
    labelled = set(
        zip(
            f.events.user_row[f.weight > 0].tolist(),
            f.events.item_row[f.weight > 0].tolist(),
            strict=True,
        )
    )
    at = rows.weight > 0
    assert set(zip(rows.user[at].tolist(), rows.target[at].tolist(), strict=True)) <= labelled
    # A history with a label has one at its beginning, too.
    begins = rows.reset & (rows.item == -1)
    assert set(rows.user[begins & at].tolist()) >= {user for user, _ in labelled}


def test_feed_fresh_rows_are_distinct_and_stand_for_the_whole_catalogue(data, small):
    f = feed(data, small, "model.encoder.refresh_rows=16", "train.steps_per_dispatch=1")
    assert f.encodes_some_items
    for batch, _ in f.epoch_batches(0):
        fresh, scale = batch.fresh_items[0], batch.fresh_scale[0]
        assert len(np.unique(fresh)) == 16
        np.testing.assert_allclose(scale.sum(), data.n_items, rtol=1e-5)


def test_feed_small_catalogue_is_encoded_whole(data, small):
    f = feed(data, small)
    assert not f.encodes_some_items
    assert f.n_fresh == 0


def test_feed_negatives_carry_the_log_of_their_expected_count(data, small):
    f = feed(
        data, small, "train.softmax=sampled", "train.negatives=64", "train.steps_per_dispatch=1"
    )
    batch, _ = next(f.epoch_batches(0))
    share = 32 * f.popularity / f.popularity.sum() + 32 / data.n_items
    np.testing.assert_allclose(batch.log_expected[0], np.log(share[batch.negatives[0]]), rtol=1e-5)
    np.testing.assert_allclose(share.sum(), 64)


def test_feed_without_labels_says_where_to_look(tmp_path, small):
    data = write_data(tmp_path / "none", [0, 0, 0], [0, 1, 2], label=[False] * 3, split="none")
    with pytest.raises(M6RecError, match="no training event is a target: none is labelled"):
        feed(data, small, labelled_only=True)
