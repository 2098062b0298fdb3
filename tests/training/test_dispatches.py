"""The device never waits: dispatches start ahead, and compiling goes on beside validation.

The device of these tests is slow in a way that no busy machine disturbs: a dispatch ends only after
the next one has been started, and the tests fail if that never happens.
"""

import threading
import time
from typing import Any

import jax
import pytest
from jax.stages import Lowered

from m6rec_cli.stages import pretrain
from m6rec_cli.system import signals
from m6rec_cli.system.errors import DivergedError, Terminated
from m6rec_cli.training.validation import Validation
from tests.training.runs import assert_same, params
from tests.training.slow_device import SlowDevice
from tests.worlds import planted_cycle

SECONDS = 120
"""A wait that only a mistake makes last so long."""


@pytest.fixture
def data(tmp_path):
    return planted_cycle(tmp_path / "data", n_users=96).path


def test_dispatches_start_while_the_one_before_runs_and_are_reported_later(
    tmp_path, data, small, report, monkeypatch
):
    plain = pretrain.run(small("train.epochs=1"), data, tmp_path / "plain", report)
    last = (plain["steps"] - 1) // 2
    assert last >= 3
    in_vain = []

    def hold(number: int) -> None:
        """Until the next dispatch has started; the last one starts after this one's report."""
        deadline = time.monotonic() + SECONDS
        while number < last - 1 and ("start", number + 1) not in device.events():
            time.sleep(0.001)
            if time.monotonic() > deadline:
                in_vain.append(number)
                return

    device = SlowDevice(monkeypatch, hold)
    pretrain.run(small("train.epochs=1"), data, tmp_path / "slow", report)
    assert not in_vain
    at = {event: place for place, event in enumerate(device.events())}
    assert {number for what, number in at if what == "report"} == set(range(last + 1))
    for number in range(last - 1):
        assert at["build", number + 1] < at["start", number + 1] < at["end", number]
        assert at["start", number + 1] < at["report", number]
    for number in range(last - 2):  # two at most are on their way
        assert at["report", number] < at["start", number + 2]
    assert at["build", last] < at["end", last - 1]
    assert at["report", last - 1] < at["start", last]
    assert_same(params(tmp_path / "plain"), params(tmp_path / "slow"))


def test_stop_that_is_requested_while_a_dispatch_runs_starts_none_after_the_next(
    tmp_path, data, small, report, monkeypatch
):
    requested = threading.Event()
    monkeypatch.setattr(signals, "stop_requested", requested.is_set)
    device = SlowDevice(monkeypatch, lambda number: requested.set() if number == 1 else None)
    with pytest.raises(Terminated):
        pretrain.run(small(), data, tmp_path / "run", report)
    events = device.events()
    started = [number for what, number in events if what == "start"]
    assert 1 <= started[-1] <= 2
    assert ("report", started[-1]) in events


def test_loss_that_is_not_finite_ends_training_within_one_more_dispatch(
    tmp_path, data, small, report, monkeypatch
):
    device = SlowDevice(monkeypatch, lambda number: None)
    config = small(
        "train.learning_rate=1e30", "train.clip_norm=0", "train.optimizer=sgd", "train.epochs=5"
    )
    with pytest.raises(DivergedError, match=r"within the 2 steps before step \d+") as error:
        pretrain.run(config, data, tmp_path / "run", report)
    found = int(str(error.value).split("before step ")[1].split()[0]) // 2 - 1
    events = device.events()
    assert ("report", found) in events
    assert max(number for what, number in events if what == "start") <= found + 1


def test_step_compiles_in_a_thread_while_the_untrained_model_is_validated(
    tmp_path, data, small, report, monkeypatch
):
    meeting = threading.Barrier(2, timeout=SECONDS)
    compile_, evaluate, met = Lowered.compile, Validation.evaluate, []

    def compile_beside(lowered: Lowered, *args: Any) -> Any:
        if threading.current_thread().name.startswith("compile"):
            meeting.wait()
        return compile_(lowered, *args)

    def evaluate_beside(validation: Validation, *args: Any) -> Any:
        if not met:
            meeting.wait()
            met.append(True)
        return evaluate(validation, *args)

    monkeypatch.setattr(Lowered, "compile", compile_beside)
    monkeypatch.setattr(Validation, "evaluate", evaluate_beside)
    run = pretrain.run(small("train.max_steps=2"), data, tmp_path / "run", report)
    assert (run["steps"], met) == (2, [True])


def test_step_that_fails_to_compile_ends_training_with_its_error(
    tmp_path, data, small, report, monkeypatch
):
    def fail(lowered: Lowered) -> None:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")

    monkeypatch.setattr(Lowered, "compile", fail)
    with pytest.raises(jax.errors.JaxRuntimeError, match="out of memory"):
        pretrain.run(small(), data, tmp_path / "run", report)
