"""Training events to stacks of batches, a dispatch each; a pure function of (seed, epoch, step)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np

from m6rec_cli.config.settings import Config, TrainConfig
from m6rec_cli.data.events import Events
from m6rec_cli.data.format import TRAIN
from m6rec_cli.data.packing import PackedRows, gap_buckets, pack_training, row_length
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.tokens import START
from m6rec_cli.training import future_targets, target_weights
from m6rec_cli.training.objective import AUXILIARY_ROWS
from m6rec_cli.training.state import Batch

_LONG_SHARE = 0.5
"""Share of the histories that learn the long run in an epoch, with `model.long_horizon`."""


@dataclass(frozen=True, kw_only=True)
class TrainingBatches:
    """Training events, and how they are divided into batches.

    Attributes:
        gaps: Time gap bucket of each event.
        weight: f32 (events,), weight of each event as a target; 0 if it is none.
        row_length: Tokens in a packed row.
        encodes_some_items: Whether a step encodes the content of some items only.
        caches_content: Whether content vectors are cached from step to step: if a step encodes some
            items only, or none, since the encoder is frozen.
        n_fresh: Fresh items of a step: those that it encodes or, if it encodes all, those in the
            auxiliary losses; 0 if neither applies.
        popularity: Training events of each item.
    """

    config: Config
    events: Events
    gaps: np.ndarray
    weight: np.ndarray
    row_length: int
    rows_per_batch: int
    encodes_some_items: bool
    caches_content: bool
    n_fresh: int
    popularity: np.ndarray

    @classmethod
    def from_data(
        cls, data: Dataset, config: Config, *, labelled_only: bool, has_content: bool
    ) -> "TrainingBatches":
        """The batches of a data directory.

        Args:
            labelled_only: Only labelled events are targets; otherwise all events are.
            has_content: Whether items have features.

        Raises:
            M6RecError: No event is a target, or two settings contradict each other.
        """
        train = config.train
        if train.future_targets and config.model.long_horizon:
            raise M6RecError(
                "`train.future_targets` learns the long run in place of the next event, and "
                "`model.long_horizon` beside it",
                where="train.future_targets",
                hint="set one of them",
            )
        events = data.events
        events = events.take(events.split == TRAIN)
        weight = _target_weights(events, train, data.n_users, labelled_only)
        if not (weight > 0).any():
            raise M6RecError(
                "no training event is a target" + (": none is labelled" if labelled_only else ""),
                where=str(data.path),
                hint="look at `--positive` and `--split` of `m6rec preprocess`",
            )
        popularity = np.bincount(events.item_row, minlength=data.n_items)
        lengths = np.diff(events.offsets(data.n_users))
        n_tokens = row_length(lengths[lengths > 0], config.model.max_history)
        encoder_learns = has_content and "encoder" in train.trainable
        encodes_some = encoder_learns and data.n_items > config.model.encoder.refresh_rows
        n_fresh = 0
        if encodes_some:
            n_fresh = config.model.encoder.refresh_rows
        elif encoder_learns and (train.loss.reconstruction > 0 or train.loss.contrast > 0):
            n_fresh = min(data.n_items, AUXILIARY_ROWS)
        return cls(
            config=config,
            events=events,
            gaps=gap_buckets(events, has_time=data.has_time),
            weight=target_weights.weight_by_rarity(
                weight.astype(np.float32), events.item_row, popularity, train.loss.tail_exponent
            ),
            row_length=n_tokens,
            rows_per_batch=max(1, round(train.batch_targets / n_tokens)),
            encodes_some_items=encodes_some,
            caches_content=encodes_some or (has_content and not encoder_learns),
            n_fresh=n_fresh,
            popularity=popularity,
        )

    def pack_epoch(self, epoch: int) -> PackedRows:
        """The packed rows of an epoch, padded with empty rows to whole batches."""
        train = self.config.train
        rng = np.random.default_rng((train.seed, epoch, 0, 3))
        places, long_users = train.future_targets, None
        if self.config.model.long_horizon:
            places = self.config.model.long_horizon
            long_users = rng.random(1 + int(self.events.user_row[-1])) < _LONG_SHARE
        target_index, factor = future_targets.sample_targets(
            self.events.user_row, self.weight > 0, places, rng, long_users
        )
        packed = pack_training(
            self.events,
            self.gaps,
            weight=self.weight[target_index] * factor,
            length=self.row_length,
            first_event=train.loss.first_event,
            seed=train.seed,
            epoch=epoch,
            target_index=target_index,
            long_users=long_users,
        )
        return _pad_rows(packed, -len(packed) % self.rows_per_batch, self.row_length)

    @cached_property
    def _targets_per_batch(self) -> np.ndarray:
        """Number of targets in each batch of the first epoch."""
        weight = self.pack_epoch(0).weight
        return (weight > 0).reshape(-1, self.rows_per_batch * self.row_length).sum(axis=1)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of the first epoch.

        Other epochs cut long histories elsewhere and may need a few more or less.
        """
        return len(self._targets_per_batch)

    @property
    def typical_targets(self) -> int:
        """The 95% quantile of the number of targets in a batch."""
        return max(1, int(np.quantile(self._targets_per_batch, 0.95, method="higher")))

    @property
    def n_targets(self) -> int:
        """Targets in the first epoch."""
        return int(self._targets_per_batch.sum())

    def epoch_batches(self, epoch: int, start: int = 0) -> Iterator[tuple[Batch, int]]:
        """Stacks of `steps_per_dispatch` batches from step `start` of an epoch on.

        Yields:
            A stack, and the number of its batches; the last batch is repeated to fill the last
            stack.
        """
        packed, size = self.pack_epoch(epoch), self.config.train.steps_per_dispatch
        n_steps = len(packed) // self.rows_per_batch
        for first in range(start, n_steps, size):
            n = min(size, n_steps - first)
            batches = [self._batch(packed, first + min(j, n - 1), epoch) for j in range(size)]
            yield jax.tree.map(lambda *leaves: np.stack(leaves), *batches), n

    def _batch(self, packed: PackedRows, step: int, epoch: int) -> Batch:
        first = step * self.rows_per_batch
        rows = packed.take(np.arange(first, first + self.rows_per_batch))
        rng = np.random.default_rng((self.config.train.seed, epoch, step, 1))
        fresh_items, fresh_scale = self._fresh_items(rows, rng)
        negatives, log_expected = self._negatives(rng)
        return Batch(
            tokens=model_inputs.packed_tokens(rows),
            target=rows.target,
            weight=rows.weight,
            fresh_items=fresh_items,
            fresh_scale=fresh_scale,
            negatives=negatives,
            log_expected=log_expected,
        )

    def _fresh_items(
        self, rows: PackedRows, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The batch's own items, then others drawn at random; see `Objective._items` for the scale.

        A quarter of the fresh items are others, which stand for the rest of the catalogue in the
        softmax.
        """
        n_items = len(self.popularity)
        if not self.encodes_some_items:
            chosen = (
                np.sort(rng.choice(n_items, self.n_fresh, replace=False))
                if self.n_fresh
                else np.zeros(0)
            )
            return chosen.astype(np.int32), np.ones(len(chosen), np.float32)
        is_own = np.zeros(n_items, bool)
        is_own[rows.item[rows.item >= 0]] = True
        is_own[rows.target[rows.weight > 0]] = True
        own = rng.permutation(np.flatnonzero(is_own))[: self.n_fresh - self.n_fresh // 4]
        is_own[:] = False
        is_own[own] = True
        others = np.flatnonzero(~is_own)
        drawn = rng.choice(others, self.n_fresh - len(own), replace=False)
        scale = np.ones(self.n_fresh, np.float32)
        scale[len(own) :] = len(others) / max(len(drawn), 1)
        return np.concatenate([own, drawn]).astype(np.int32), scale

    def _negatives(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Items for the sampled softmax, and the log of their expected counts.

        Half of them are drawn by popularity, half uniformly.
        """
        train = self.config.train
        if train.softmax == "exact":
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        n_items, k = len(self.popularity), train.negatives
        by_event = self.events.item_row[rng.integers(0, len(self.events), k - k // 2)]
        drawn = np.concatenate([by_event, rng.integers(0, n_items, k // 2)]).astype(np.int32)
        expected = (k - k // 2) * self.popularity[drawn] / len(self.events) + (k // 2) / n_items
        return drawn, np.log(expected).astype(np.float32)


def _target_weights(
    events: Events, train: TrainConfig, n_users: int, labelled_only: bool
) -> np.ndarray:
    """The weight of each event as a target, before `tail_exponent`; 0 if it is none."""
    weight = events.weight * events.label if labelled_only else np.ones(len(events), np.float32)
    if train.label_fraction < 1:
        # numpy pads seeds with zeros, so (seed,) alone would repeat the stream of the first epoch.
        rng = np.random.default_rng((train.seed, 0, 0, 2))
        kept = rng.random(n_users) < train.label_fraction
        weight = weight * kept[events.user_row]
    return weight


def _pad_rows(packed: PackedRows, n: int, length: int) -> PackedRows:
    """Append `n` empty rows."""
    blank = {"item": START, "reset": True}
    padded = {
        name: np.concatenate([x, np.full((n, length), blank.get(name, 0), x.dtype)])
        for name, x in packed.arrays().items()
    }
    return PackedRows(**padded) if n else packed
