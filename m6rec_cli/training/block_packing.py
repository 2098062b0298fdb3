"""Blocks of training events to packed rows; a pure function of (seed, epoch, block)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from m6rec_cli.data.packing import PackedRows, pack_training
from m6rec_cli.system.tokens import START
from m6rec_cli.training import future_targets
from m6rec_cli.training.training_log import TrainingEvents, TrainingLog

_LONG_SHARE = 0.5
"""Share of the histories that learn the long run in an epoch, with `model.long_horizon`."""


@dataclass(frozen=True, kw_only=True)
class PackedBlock:
    """A block of training events in packed rows, padded with empty rows to whole batches.

    Attributes:
        item_row: Items of the block's training events.
        popularity: How often each item is one of them; None if no negatives are drawn.
    """

    rows: PackedRows
    item_row: np.ndarray
    popularity: np.ndarray | None


def pack_blocks(
    log: TrainingLog, epoch: int, row_length: int, rows_per_batch: int
) -> Iterator[PackedBlock]:
    """The blocks of an epoch, each read and packed when it is asked for."""
    train = log.config.train
    for block, chunks in enumerate(log.blocks(epoch)):
        one = log.read(chunks)
        rows = _pack(log, one, epoch, block, row_length)
        popularity = None
        if train.softmax == "sampled":
            popularity = np.bincount(one.events.item_row, minlength=len(log.popularity))
        yield PackedBlock(
            rows=_pad_rows(rows, -len(rows) % rows_per_batch, row_length),
            item_row=one.events.item_row,
            popularity=popularity,
        )


def _pack(
    log: TrainingLog, one: TrainingEvents, epoch: int, block: int, row_length: int
) -> PackedRows:
    train, user_row = log.config.train, one.events.user_row
    rng = np.random.default_rng((train.seed, epoch, block, 3))
    places, long_users = train.future_targets, None
    if log.config.model.long_horizon:
        places = log.config.model.long_horizon
        long_users = rng.random(1 + int(user_row.max(initial=-1))) < _LONG_SHARE
    target_index, factor = future_targets.sample_targets(
        user_row, one.weight > 0, places, rng, long_users
    )
    return pack_training(
        one.events,
        one.gaps,
        weight=one.weight[target_index] * factor,
        length=row_length,
        first_event=train.loss.first_event,
        rng=np.random.default_rng((train.seed, epoch, block, 0)),
        target_index=target_index,
        long_users=long_users,
    )


def _pad_rows(packed: PackedRows, n: int, length: int) -> PackedRows:
    """Append `n` empty rows."""
    blank = {"item": START, "reset": True}
    padded = {
        name: np.concatenate([x, np.full((n, length), blank.get(name, 0), x.dtype)])
        for name, x in packed.arrays().items()
    }
    return PackedRows(**padded) if n else packed
