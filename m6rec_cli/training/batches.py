"""The input of training: dispatch-sized stacks of batches, a pure function of (seed, epoch, position)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from m6rec_cli.config.settings import Config
from m6rec_cli.data.format import TRAIN
from m6rec_cli.data.packing import PackedRows, gap_buckets, pack_training, row_length
from m6rec_cli.data.store import Dataset, Events
from m6rec_cli.execution import model_inputs
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.tokens import START
from m6rec_cli.training import future_targets, target_weights
from m6rec_cli.training.state import Batch
from m6rec_cli.training.step import AUXILIARY_ROWS


@dataclass(frozen=True)
class TrainingBatches:
    """Training events and how they become batches.

    Attributes:
        rows: Packed rows in a batch.
        partial: Whether a step encodes some items only.
        kept: Whether contents are kept from step to step (`State.content`): a step encodes some items, or none since the
            encoder does not learn.
        n_fresh: Item rows encoded anew in a step or, if all are, those of the auxiliary losses; 0 if there
            is nothing to choose.
        popularity: Training events of each item.
    """

    config: Config
    events: Events
    gaps: np.ndarray
    weight: np.ndarray
    length: int
    rows: int
    partial: bool
    kept: bool
    n_fresh: int
    popularity: np.ndarray

    @classmethod
    def of(
        cls, data: Dataset, config: Config, *, labels: bool, has_content: bool
    ) -> "TrainingBatches":
        """The feed of a data directory.

        Args:
            labels: Only labelled events are targets (fine-tuning); otherwise every event is one.

        Raises:
            M6RecError: No event can be learned from.
        """
        train = config.train
        events = data.events
        events = events.take(events.split == TRAIN)
        gaps = gap_buckets(events, has_time=data.has_time)
        weight = events.weight * events.label if labels else np.ones(len(events), np.float32)
        if train.label_fraction < 1:
            # A stream of its own: (seed,) is that of the first epoch, since seeds are filled up with zeros.
            rng = np.random.default_rng((train.seed, 0, 0, 2))
            kept = rng.random(data.n_users) < train.label_fraction
            weight = weight * kept[events.user_row]
        if not (weight > 0).any():
            raise M6RecError(
                "no training event can be learned from" + (": none is labelled" if labels else ""),
                where=str(data.path),
                hint="look at `--positive` and `--split` of `m6rec preprocess`",
            )
        sizes = np.diff(events.offsets(data.n_users))
        length = row_length(sizes[sizes > 0], config.model.max_history)
        rows = max(1, round(train.batch_targets / length))
        auxiliary = train.loss.reconstruction > 0 or train.loss.contrast > 0
        refresh = config.model.encoder.refresh_rows
        learns = "encoder" in train.trainable
        partial = has_content and learns and data.n_items > refresh
        auxiliary = auxiliary and has_content and learns
        n_fresh = refresh if partial else min(data.n_items, AUXILIARY_ROWS) if auxiliary else 0
        kept = partial or (has_content and not learns)
        popularity = np.bincount(events.item_row, minlength=data.n_items)
        weight = target_weights.tail(
            weight.astype(np.float32), events.item_row, popularity, train.loss.tail_exponent
        )
        return cls(config, events, gaps, weight, length, rows, partial, kept, n_fresh, popularity)

    def epoch_rows(self, epoch: int) -> PackedRows:
        """The epoch's rows, filled up to whole batches with empty rows."""
        train = self.config.train
        rng = np.random.default_rng((train.seed, epoch, 0, 3))
        aim, counts = future_targets.aims(
            self.events.user_row, self.weight > 0, train.future_targets, rng
        )
        packed = pack_training(
            self.events,
            self.gaps,
            weight=self.weight[aim] * counts,
            length=self.length,
            first_event=train.loss.first_event,
            seed=train.seed,
            epoch=epoch,
            aim=aim,
        )
        fill = -len(packed) % self.rows
        if fill == 0:
            return packed
        blank = {"item": START, "reset": True}
        return PackedRows(
            **{
                name: np.concatenate([a, np.full((fill, self.length), blank.get(name, 0), a.dtype)])
                for name, a in (
                    (name, getattr(packed, name)) for name in packed.__dataclass_fields__
                )
            }
        )

    @cached_property
    def _first(self) -> np.ndarray:
        """How many targets each batch of the first epoch has."""
        weight = self.epoch_rows(0).weight
        return (weight > 0).reshape(-1, self.rows * self.length).sum(axis=1)

    @property
    def steps(self) -> int:
        """Optimiser steps of the first epoch; long histories, cut elsewhere, may make later ones differ a little."""
        return len(self._first)

    @property
    def usual_targets(self) -> int:
        """As many targets as 95% of the batches have, or fewer."""
        return max(1, int(np.quantile(self._first, 0.95, method="higher")))

    @property
    def n_targets(self) -> int:
        """Targets of the first epoch."""
        return int(self._first.sum())

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Batch, int]]:
        """Stacks of `steps_per_dispatch` batches and how many of them are real, from step `start` on."""
        packed, size = self.epoch_rows(epoch), self.config.train.steps_per_dispatch
        n_steps = len(packed) // self.rows
        for first in range(start, n_steps, size):
            n = min(size, n_steps - first)
            stack = [self._batch(packed, first + min(j, n - 1), epoch) for j in range(size)]
            yield _stack(stack), n

    def _batch(self, packed: PackedRows, step: int, epoch: int) -> Batch:
        rows = packed.take(np.arange(step * self.rows, (step + 1) * self.rows))
        rng = np.random.default_rng((self.config.train.seed, epoch, step, 1))
        fresh, scale = self._fresh(rows, rng)
        negatives, log_expected = self._negatives(rng)
        return Batch(
            model_inputs.tokens(rows),
            rows.target,
            rows.weight,
            fresh,
            scale,
            negatives,
            log_expected,
        )

    def _fresh(self, rows: PackedRows, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The batch's own items, then others drawn at random; see `Trainer._items` for the scale.

        A quarter of the rows is kept for the others, which stand for the rest of the catalogue in the softmax.
        """
        n_items = len(self.popularity)
        if not self.partial:
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
        """Draws half by popularity and half uniform, with the log of their expected counts."""
        train = self.config.train
        if train.softmax == "exact":
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        n_items, k = len(self.popularity), train.negatives
        by_event = self.events.item_row[rng.integers(0, len(self.events), k - k // 2)]
        drawn = np.concatenate([by_event, rng.integers(0, n_items, k // 2)]).astype(np.int32)
        share = (k - k // 2) * self.popularity[drawn] / len(self.events) + (k // 2) / n_items
        return drawn, np.log(share).astype(np.float32)


def _stack(batches: list[Batch]) -> Batch:
    import jax

    return jax.tree.map(lambda *leaves: np.stack(leaves), *batches)
