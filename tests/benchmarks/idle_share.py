"""The share of an epoch in which a device waits for the host, with a device that is made slow.

    python -m tests.benchmarks.idle_share [--milliseconds 20] [--users 2000]

The device is a thread that runs the steps on this CPU, and holds each one up for some milliseconds
in which the core is free. `waiting` starts a dispatch after the one before it has ended and has
been reported, as training did before; `ahead` is what training does. Gaps between epochs
(validation, checkpoint, packing) are shown by themselves.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.stages import pretrain
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.training.dispatches import Dispatches
from tests.benchmarks._device_runs import made_data
from tests.training.slow_device import SlowDevice

STEPS = 16
"""Steps of a dispatch, as by default."""
SLOW_START: list[Callable[..., Any]] = []
"""What `start_and_wait` calls."""
COLUMNS = ("idle share", "median gap, ms", "longest gap, ms", "gap between epochs, ms")


def measured(data: Path, out: Path, step_seconds: float, *, ahead: bool) -> dict[str, float]:
    """Train, and find the gaps between dispatches of an epoch and those between epochs."""
    sets = [f"train.steps_per_dispatch={STEPS}", "train.epochs=3", "train.valid_users=200"]
    config = configuration.resolve("pretrain", sets=["model.width=32", *sets])
    with pytest.MonkeyPatch.context() as patch:
        device = SlowDevice(patch, lambda _: time.sleep(STEPS * step_seconds))
        if not ahead:
            SLOW_START.append(Dispatches._start)
            patch.setattr(Dispatches, "_start", start_and_wait)
        run = pretrain.run(config, data, out, SilentReporter())
    begins, ends = device.times("begin"), device.times("end")
    per_epoch = len(begins) // run["epochs"]
    gaps, between = [], []
    for number in range(1, len(begins)):
        gap = begins[number] - ends[number - 1]
        (gaps if number % per_epoch else between).append(gap)
    return {
        "idle share": sum(gaps) / (ends[-1] - begins[0] - sum(between)),
        "median gap, ms": 1000 * statistics.median(gaps),
        "longest gap, ms": 1000 * max(gaps),
        "gap between epochs, ms": 1000 * statistics.median(between),
    }


def start_and_wait(dispatches: Dispatches, stack: Any, n: int) -> Any:
    """Start a dispatch and wait for its end, before the next one is built."""
    one = SLOW_START[-1](dispatches, stack, n)
    one.sums.items()
    return one


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--milliseconds", type=float, default=20)
    parser.add_argument("--users", type=int, default=2000)
    args = parser.parse_args()
    print(f"{args.milliseconds:g} ms a step, {jax.local_devices()[0].device_kind}\n")
    print(f"| | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    with TemporaryDirectory() as name:
        folder = Path(name)
        made_data(folder / "data", n_users=args.users, length=20, n_items=2000)
        for label in ("waiting", "ahead"):
            seconds, out = args.milliseconds / 1000, folder / label
            row = measured(folder / "data", out, seconds, ahead=label == "ahead")
            share, *gaps = (row[column] for column in COLUMNS)
            cells = " | ".join([f"{share:.1%}", *(f"{gap:.1f}" for gap in gaps)])
            print(f"| {label} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
