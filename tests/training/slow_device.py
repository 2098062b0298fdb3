"""A device that is slow, in place of the compiled training step.

A thread runs the dispatches one after another and holds each one up. As with an accelerator, a call
returns before its result is there. (A callback within the step would not do: on a CPU jax waits for
programs that call Python.)
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import pytest

from m6rec_cli.training.dispatches import Dispatches, FinishedDispatch


class _Sums:
    """Measurements that are on their way."""

    def __init__(self, result: Future[Any]) -> None:
        self._result = result

    def values(self) -> list[jax.Array]:
        """None of them can be copied ahead."""
        return []

    def items(self) -> Any:
        """Wait for them."""
        return self._result.result()[1].items()


class SlowDevice:
    """Takes the place of the device of `Dispatches`.

    Attributes:
        log: `build`, `start`, `begin`, `end` and `report` in their order, each with the number of
            the dispatch (from 0, over all epochs) and the time.
    """

    def __init__(self, patch: pytest.MonkeyPatch, hold: Callable[[int], None]) -> None:
        """Replace the device.

        Args:
            hold: Called with the number of each dispatch while it runs.
        """
        self.log: list[tuple[str, int, float]] = []
        self._hold, self._thread = hold, ThreadPoolExecutor(1)
        self._counts = dict.fromkeys(("build", "start", "run", "report"), 0)
        compile_, start, finished = Dispatches._compile, Dispatches._start, Dispatches._finished
        of_epoch, place = Dispatches.of_epoch, Dispatches._placed_stacks

        def slow_compile(dispatches: Dispatches, stack: Any) -> Any:
            compiled = compile_(dispatches, stack)
            slow: Future[Any] = Future()
            slow.set_result(lambda *args: self._call(compiled.result(), *args))
            return slow

        def logged_start(dispatches: Dispatches, stack: Any, n: int) -> Any:
            one = start(dispatches, stack, n)
            self._note("start")
            return one

        def logged_finish(dispatches: Dispatches, one: Any) -> FinishedDispatch:
            found = finished(dispatches, one)
            self._note("report")
            return found

        def logged_stacks(dispatches: Dispatches, *args: int) -> Iterator[Any]:
            for stack in place(dispatches, *args):
                self._note("build")
                yield stack

        def epoch_with_state(dispatches: Dispatches, *args: Any) -> Iterator[FinishedDispatch]:
            yield from of_epoch(dispatches, *args)
            if isinstance(dispatches.state, Future):
                dispatches.state = dispatches.state.result()[0]

        patch.setattr(Dispatches, "_compile", slow_compile)
        patch.setattr(Dispatches, "_start", logged_start)
        patch.setattr(Dispatches, "_finished", logged_finish)
        patch.setattr(Dispatches, "_placed_stacks", logged_stacks)
        patch.setattr(Dispatches, "of_epoch", epoch_with_state)

    def events(self) -> list[tuple[str, int]]:
        """The log without times."""
        return [(what, number) for what, number, _ in self.log]

    def times(self, what: str) -> list[float]:
        """The times of all that happened of a kind."""
        return [at for name, _, at in self.log if name == what]

    def _note(self, what: str) -> None:
        self.log.append((what, self._counts[what], time.monotonic()))
        self._counts[what] += 1

    def _call(self, compiled: Any, state: Any, *args: Any) -> tuple[Any, _Sums]:
        def run() -> Any:
            number = self._counts["run"]
            self._counts["run"] += 1
            self.log.append(("begin", number, time.monotonic()))
            before = state.result()[0] if isinstance(state, Future) else state
            result = jax.block_until_ready(compiled(before, *args))
            self._hold(number)
            self.log.append(("end", number, time.monotonic()))
            return result

        result = self._thread.submit(run)
        return result, _Sums(result)
