"""Training events to stacks of batches, a dispatch each; a pure function of (seed, epoch, step)."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np

from m6rec_cli.config.settings import Config
from m6rec_cli.data.packing import PackedRows, row_length
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.training.block_packing import PackedBlock, pack_blocks
from m6rec_cli.training.objective import AUXILIARY_ROWS
from m6rec_cli.training.state import Batch
from m6rec_cli.training.training_log import TrainingLog


@dataclass(frozen=True, kw_only=True)
class TrainingBatches:
    """Training events, and how they are divided into batches.

    Attributes:
        row_length: Tokens in a packed row.
        encodes_some_items: Whether a step encodes the content of some items only.
        caches_content: Whether content vectors are cached from step to step: if a step encodes some
            items only, or none, since the encoder is frozen.
        n_fresh: Fresh items of a step: those that it encodes or, if it encodes all, those in the
            auxiliary losses; 0 if neither applies.
    """

    config: Config
    log: TrainingLog
    row_length: int
    rows_per_batch: int
    encodes_some_items: bool
    caches_content: bool
    n_fresh: int

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
        log = TrainingLog.from_data(data, config, labelled_only=labelled_only)
        n_tokens = row_length(log.history_lengths, config.model.max_history)
        encoder_learns = has_content and "encoder" in train.trainable
        encodes_some = encoder_learns and data.n_items > config.model.encoder.refresh_rows
        n_fresh = 0
        if encodes_some:
            n_fresh = config.model.encoder.refresh_rows
        elif encoder_learns and (train.loss.reconstruction > 0 or train.loss.contrast > 0):
            n_fresh = min(data.n_items, AUXILIARY_ROWS)
        return cls(
            config=config,
            log=log,
            row_length=n_tokens,
            rows_per_batch=max(1, round(train.batch_targets / n_tokens)),
            encodes_some_items=encodes_some,
            caches_content=encodes_some or (has_content and not encoder_learns),
            n_fresh=n_fresh,
        )

    def packed_blocks(self, epoch: int) -> Iterator[PackedBlock]:
        """The blocks of an epoch, see `pack_blocks`."""
        return pack_blocks(self.log, epoch, self.row_length, self.rows_per_batch)

    @cached_property
    def _targets_per_batch(self) -> np.ndarray:
        """Number of targets in each batch of the first epoch."""
        size = self.rows_per_batch * self.row_length
        return np.concatenate(
            [(b.rows.weight > 0).reshape(-1, size).sum(axis=1) for b in self.packed_blocks(0)]
        )

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
        size, batches = self.config.train.steps_per_dispatch, self._batches(epoch, start)
        while stack := list(itertools.islice(batches, size)):
            n = len(stack)
            stack += [stack[-1]] * (size - n)
            yield jax.tree.map(lambda *leaves: np.stack(leaves), *stack), n

    def _batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """The batches of an epoch from step `start` on; blocks before it are packed, too."""
        first_step = 0
        for block in self.packed_blocks(epoch):
            n = len(block.rows) // self.rows_per_batch
            for step in range(max(start, first_step), first_step + n):
                rows = np.arange(self.rows_per_batch) + (step - first_step) * self.rows_per_batch
                yield self._batch(block, rows, step, epoch)
            first_step += n

    def _batch(self, block: PackedBlock, index: np.ndarray, step: int, epoch: int) -> Batch:
        rows = block.rows.take(index)
        rng = np.random.default_rng((self.config.train.seed, epoch, step, 1))
        fresh_items, fresh_scale = self._fresh_items(rows, rng)
        negatives, log_expected = self._negatives(block, rng)
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
        n_items = len(self.log.popularity)
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

    def _negatives(
        self, block: PackedBlock, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Items for the sampled softmax, and the log of their expected counts.

        Half of them are drawn by popularity in the block, half uniformly.
        """
        if block.popularity is None:
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        n_items, n_events, k = (
            len(block.popularity),
            len(block.item_row),
            self.config.train.negatives,
        )
        by_event = block.item_row[rng.integers(0, n_events, k - k // 2)]
        drawn = np.concatenate([by_event, rng.integers(0, n_items, k // 2)]).astype(np.int32)
        expected = (k - k // 2) * block.popularity[drawn] / n_events + (k // 2) / n_items
        return drawn, np.log(expected).astype(np.float32)
