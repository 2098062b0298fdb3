"""Batches to optimizer steps on the device, which does not wait for the host.

A dispatch is started while the one before it runs: its batches are built and copied in that time,
and the measurements of a dispatch are fetched after the next one has started. Two dispatches are on
their way at most: training stops, and a loss that is not finite is found, one dispatch after the
running one at the latest. The last dispatch of an epoch starts after all others have been reported,
so that a stop within an epoch does not fall on its end. With several processes each dispatch is
waited for: whether to stop is asked of all of them, by a program on the devices.
"""

import itertools
import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import jax
import numpy as np
from jax.stages import Compiled

from m6rec_cli.execution.model_inputs import FeatureTables
from m6rec_cli.system import process_group, runtime
from m6rec_cli.system.shapes import PRNGKey
from m6rec_cli.training import flops
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.state import Batch, TrainingState
from m6rec_cli.training.step import Trainer
from m6rec_cli.training.stopping import StopCondition


@dataclass(frozen=True, kw_only=True)
class FinishedDispatch:
    """A dispatch whose measurements are on the host.

    Attributes:
        step: Optimizer steps since the start of training, with its own.
        n_steps: Its own steps.
        sums: Sums of the measurements over them.
        seconds: From the end of the dispatch before it, or else from its start.
    """

    step: int
    n_steps: int
    sums: dict[str, float]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class _Started:
    """A dispatch that may still run."""

    step: int
    n_steps: int
    sums: dict[str, jax.Array]
    at: float


class Dispatches:
    """Runs the steps of training; a context, which ends the thread that compiles.

    Attributes:
        state: After all dispatches that have been started.
        step_flops: Operations of a step, see `flops.count_per_step`; 0 before it is lowered.
    """

    def __init__(
        self,
        trainer: Trainer,
        state: TrainingState,
        batches: TrainingBatches,
        tables: FeatureTables,
    ) -> None:
        """Start from `state`, which the first dispatch takes over."""
        self.state, self.step_flops = state, 0.0
        self._trainer, self._batches, self._tables = trainer, batches, tables
        train = trainer.config.train
        self._key = trainer.layout.place_key(runtime.random_key(train.seed))
        self._max_steps = train.max_steps or math.inf
        self._step = int(state.step)
        self._last_end = 0.0
        self._compiled: Future[Compiled] | None = None
        self._ahead: tuple[tuple[int, int], Iterator[tuple[Batch, int]]] | None = None
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="compile")

    def __enter__(self) -> "Dispatches":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    def compile_ahead(self, epoch: int, first_step: int) -> None:
        """Compile the step in a thread, and build the first batches of an epoch."""
        stacks = self._placed_stacks(epoch, first_step)
        first = next(stacks, None)
        if first is None:
            return
        self._ahead = (epoch, first_step), itertools.chain([first], stacks)
        self._compiled = self._compile(first[0])

    def of_epoch(
        self, epoch: int, first_step: int, stop: StopCondition
    ) -> Iterator[FinishedDispatch]:
        """The dispatches of an epoch from step `first_step` on, until it ends or training stops.

        At least one is started, if the epoch has one; when the iterator ends, none is running.
        """
        if self._ahead is None or self._ahead[0] != (epoch, first_step):
            self._ahead = (epoch, first_step), self._placed_stacks(epoch, first_step)
        (_, stacks), self._ahead = self._ahead, None
        running: _Started | None = None
        one, is_first = next(stacks, None), True
        while one is not None:
            following = None if is_first else next(stacks, None)
            if running is not None and (following is None or not process_group.is_alone()):
                yield self._finished(running)
                running = None
            n = int(min(one[1], self._max_steps - self._step))
            if n <= 0 or (not is_first and stop.is_met()):
                break
            started = self._start(one[0], n)
            if running is not None:
                yield self._finished(running)
            running = started
            one, is_first = next(stacks, None) if is_first else following, False
        if running is not None:
            yield self._finished(running)

    def _start(self, stack: Batch, n: int) -> _Started:
        at = time.monotonic()
        if self._compiled is None:  # the epoch to compile for had no batches left
            self._compiled = self._compile(stack)
        compiled, arguments = self._compiled.result(), self._arguments(stack, n)
        # The collectives of CPUs time out if a process starts half a minute after the others.
        process_group.barrier()
        self.state, sums = compiled(self.state, *arguments)
        for value in sums.values():
            value.copy_to_host_async()
        self._step += n
        return _Started(step=self._step, n_steps=n, sums=sums, at=at)

    def _finished(self, one: _Started) -> FinishedDispatch:
        """Wait for a dispatch."""
        sums = {name: float(value) for name, value in one.sums.items()}
        begin, self._last_end = max(one.at, self._last_end), time.monotonic()
        return FinishedDispatch(
            step=one.step, n_steps=one.n_steps, sums=sums, seconds=self._last_end - begin
        )

    def _placed_stacks(self, epoch: int, first_step: int) -> Iterator[tuple[Batch, int]]:
        place = self._trainer.layout.place_batches
        for stack, n in self._batches.epoch_batches(epoch, first_step):
            yield place(stack), n

    def _compile(self, stack: Batch) -> Future[Compiled]:
        """Lower the step here, where JAX has its settings, and compile it in the thread."""
        jitted = self._trainer.compile_dispatch(self.state)
        traced = jitted.trace(self.state, *self._arguments(stack, 1))
        typical = self._trainer.typical_targets
        tiles = operations_for(self._trainer.layout).n_tiles(typical)
        self.step_flops = flops.count_per_step(traced, tiles)
        return self._threads.submit(traced.lower().compile)

    def _arguments(
        self, stack: Batch, n: int
    ) -> tuple[Batch, np.ndarray, np.int32, FeatureTables, PRNGKey]:
        """What a dispatch reads beside the state."""
        size = self._trainer.config.train.steps_per_dispatch
        rates = self._trainer.schedule.rates(self._step, size)
        return stack, rates, np.int32(n), self._tables, self._key
