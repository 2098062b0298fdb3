"""Blocks of a long log: each event once an epoch, other blocks each epoch, bounded memory."""

import tracemalloc
from collections import Counter
from contextlib import nullcontext

import jax
import numpy as np
import pytest

from m6rec_cli.data.packing import gap_buckets, pack_training
from m6rec_cli.data.stored_events import StoredDataset, long_log_on_disk
from m6rec_cli.stages import pretrain
from m6rec_cli.training import session
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.validation import Validation
from tests.data_directories import write_data
from tests.training.runs import assert_same, best_params
from tests.training.training_logs import training_events
from tests.worlds import mixed

EVENTS_PER_BLOCK = 200
BLOCKS = f"train.events_per_block={EVENTS_PER_BLOCK}"


@pytest.fixture
def data(tmp_path):
    return mixed(tmp_path / "data", n_users=150, n_items=40)


def make_batches(data, config, *, labelled_only=False):
    return TrainingBatches.from_data(data, config, labelled_only=labelled_only, has_content=True)


def targets(rows):
    is_target = rows.weight > 0
    return list(zip(rows.user[is_target].tolist(), rows.target[is_target].tolist(), strict=True))


def test_one_block_is_packed_from_the_whole_log_by_the_seed_and_the_epoch(data, small):
    config = small("train.seed=5", "model.max_history=4")
    (block,) = make_batches(data, config).packed_blocks(3)
    events = data.events.take(data.events.split == 0)
    expected = pack_training(
        events,
        gap_buckets(events, has_time=True),
        weight=np.ones(len(events), np.float32),
        length=block.rows.item.shape[1],
        first_event=1.0,
        rng=np.random.default_rng((5, 3)),
    )
    for name, array in expected.arrays().items():
        np.testing.assert_array_equal(block.rows.arrays()[name][: len(expected)], array)
    assert not block.rows.weight[len(expected) :].any()


def test_blocks_hold_each_training_event_once_an_epoch_in_another_order_each_epoch(
    data, small, report
):
    events = data.events.take(data.events.split == 0)
    expected = Counter(zip(events.user_row.tolist(), events.item_row.tolist(), strict=True))
    with long_log_on_disk(data, EVENTS_PER_BLOCK, report) as on_disk:
        batches = make_batches(on_disk, small(BLOCKS))
        assert batches.log.n_blocks == -(-len(data.events) // EVENTS_PER_BLOCK) > 3
        epochs = [
            [targets(block.rows) for block in batches.packed_blocks(epoch)] for epoch in range(3)
        ]
        again = [targets(block.rows) for block in batches.packed_blocks(1)]
        n_targets, steps = batches.n_targets, batches.steps_per_epoch
        assert sum(n for _, n in batches.epoch_batches(0)) == steps
    for blocks in epochs:
        assert len(blocks) == batches.log.n_blocks
        assert Counter(pair for block in blocks for pair in block) == expected
    assert n_targets == len(events)
    users = [[frozenset(user for user, _ in block) for block in blocks] for blocks in epochs]
    assert len({frozenset(blocks) for blocks in users}) == 3, "other users are together"
    # A user is in one block.
    assert all(sum(map(len, blocks)) == len(set().union(*blocks)) for blocks in users)
    assert again == epochs[1]


@pytest.mark.parametrize(
    "sets",
    [
        (),
        ("train.loss.tail_exponent=0.7", "train.label_fraction=0.6"),
        ("train.softmax=sampled", "train.negatives=32"),
        ("model.long_horizon=3",),
        ("train.future_targets=2",),
        ("model.max_history=3",),
    ],
)
def test_blocks_in_memory_and_on_disk_give_the_same_batches(data, small, report, sets):
    config = small(BLOCKS, "train.steps_per_dispatch=3", *sets)
    with long_log_on_disk(data, EVENTS_PER_BLOCK, report) as on_disk:
        assert isinstance(on_disk, StoredDataset)
        ours, theirs = (list(make_batches(d, config).epoch_batches(2)) for d in (on_disk, data))
    assert len(ours) == len(theirs) > 3
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_batches_from_a_step_within_a_block_are_the_rest_of_the_same_batches(data, small):
    batches = make_batches(data, small(BLOCKS, "train.steps_per_dispatch=1"))
    n_rows = [len(block.rows) // batches.rows_per_batch for block in batches.packed_blocks(1)]
    assert max(n_rows[1:]) > 1
    whole = [batch for batch, _ in batches.epoch_batches(1)]
    for start in range(len(whole)):
        rest = [batch for batch, _ in batches.epoch_batches(1, start)]
        assert len(rest) == len(whole) - start
        jax.tree.map(np.testing.assert_array_equal, whole[start:], rest)


def test_negatives_have_the_log_of_their_expected_count_in_the_block(data, small):
    batches = make_batches(
        data,
        small(BLOCKS, "train.softmax=sampled", "train.negatives=64", "train.steps_per_dispatch=1"),
    )
    stacks = batches.epoch_batches(0)
    for block in batches.packed_blocks(0):
        popularity = np.bincount(block.item_row, minlength=data.n_items)
        expected = 32 * popularity / popularity.sum() + 32 / data.n_items
        for _ in range(len(block.rows) // batches.rows_per_batch):
            batch, _ = next(stacks)
            np.testing.assert_allclose(
                batch.log_expected[0], np.log(expected[batch.negatives[0]]), rtol=1e-5
            )


def test_weights_do_not_depend_on_blocks(data, small):
    sets = ("train.loss.tail_exponent=0.7", "train.label_fraction=0.6")
    one, many = (
        make_batches(data, small(*sets, *more), labelled_only=True) for more in ((), (BLOCKS,))
    )
    assert many.log.n_blocks > one.log.n_blocks == 1
    np.testing.assert_array_equal(one.log.popularity, many.log.popularity)
    np.testing.assert_array_equal(one.log.history_lengths, many.log.history_lengths)
    np.testing.assert_allclose(training_events(one).weight, training_events(many).weight, rtol=1e-6)


def test_validation_is_the_same_from_memory_and_from_disk(data, small, report):
    for protocol in ("all", "rolling"):
        config = small(f"train.valid_protocol={protocol}", "train.valid_users=12")
        with long_log_on_disk(data, EVENTS_PER_BLOCK, report) as on_disk:
            ours, theirs = (Validation.from_data(d, config) for d in (on_disk, data))
        assert ours is not None
        assert theirs is not None
        jax.tree.map(np.testing.assert_array_equal, ours.packed.arrays(), theirs.packed.arrays())
        for name in ("row", "position", "target", "target_query", "query_weight"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_pretraining_reads_no_long_log_at_once(data, small, report, monkeypatch, tmp_path):
    """The item graphs and the ranking weights are fitted, too, with those of the whole log."""
    config = small(BLOCKS)

    def refuse(self):
        raise AssertionError("all events at once")

    with monkeypatch.context() as patch:
        patch.setattr(StoredDataset, "events", property(refuse))
        pretrain.run(config, data.path, tmp_path / "disk", report)
    assert any("are read in blocks of 200" in note for note in report.notes)
    with monkeypatch.context() as patch:
        patch.setattr(session, "long_log_on_disk", lambda data, most, report: nullcontext(data))
        pretrain.run(config, data.path, tmp_path / "memory", report)
    assert_same(best_params(tmp_path / "disk"), best_params(tmp_path / "memory"))
    for name in ("cooccurrence.npz", "transitions.npz", "ranking.json"):
        ours, theirs = (tmp_path / run / "catalogue" / name for run in ("disk", "memory"))
        assert ours.read_bytes() == theirs.read_bytes()


def test_memory_of_an_epoch_does_not_grow_with_the_log(tmp_path, small, report):
    """Beside the length of each history, which is 4 bytes of a user."""

    def peak(n_users):
        users = np.repeat(np.arange(n_users), 10)
        items = np.random.default_rng(0).integers(0, 50, len(users))
        data = write_data(tmp_path / str(n_users), users, items, split="none")
        config = small("train.events_per_block=4000")
        with long_log_on_disk(data, 4000, report) as on_disk:
            tracemalloc.start()
            try:
                batches = make_batches(on_disk, config)
                assert sum(n for _, n in batches.epoch_batches(0)) > n_users * 10 // 100
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    few, many = peak(2_000), peak(10_000)
    assert many < 1.25 * few
