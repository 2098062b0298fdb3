"""CPU seconds of `recommend --state`, by number of new events, next to a pass over the whole log.

    python tests/benchmarks/state.py OUT [--users 5000] [--events 100000] [--items 500]

Generates a log and trains a small model on it for a few steps; its quality does not matter here.
Makes the state from the whole log. Then updates a copy of that state by logs of more and more new
events, and by the whole log with the largest of them; that log is also read without a state.
Compiles all shapes first. Columns: reading the log, reading the state, the decoder with its
packing, writing the state.
"""

import argparse
import csv
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from m6rec_cli.config import resolve as configuration
from m6rec_cli.inference import incremental, raw_inputs, state_advance, user_states
from m6rec_cli.inference.loaded_run import LoadedRun, load
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.stages import preprocess, pretrain
from m6rec_cli.system import runtime
from m6rec_cli.system.progress import SilentReporter

SETTINGS = ["train.max_steps=8", "train.epochs=1", "train.valid_users=100"]
SECONDS: dict[str, float] = defaultdict(float)


def timed(where: Any, name: str, label: str) -> None:
    """Make a function add its CPU seconds to `SECONDS`."""
    function: Callable[..., Any] = getattr(where, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            SECONDS[label] += time.process_time() - start

    setattr(where, name, wrapped)


def write(path: Path, rows: list[tuple[str, str, int]]) -> Path:
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["user_id", "item_id", "timestamp"])
        out.writerows(rows)
    return path


def events(
    rng: np.random.Generator, n: int, args: argparse.Namespace, start: int
) -> list[tuple[str, str, int]]:
    users, items = rng.integers(args.users, size=n), (args.items * rng.random(n) ** 2).astype(int)
    times = start + np.sort(rng.integers(0, 10**7, n))
    return [(f"u{u}", f"i{i}", int(t)) for u, i, t in zip(users, items, times, strict=True)]


def once(run: LoadedRun, log: Path, folder: Path | None) -> dict[str, int]:
    """One pass with a state directory, or over the whole log without one."""
    SECONDS.clear()
    if folder is None:
        histories = raw_inputs.read_histories(run, log, None, SilentReporter())
        histories.contexts(np.arange(len(histories.ids)))
        return {"users": len(histories.ids), "decoded": len(histories.events)}
    histories = incremental.update_histories(run, log, None, folder, SilentReporter())
    histories.save(folder)
    update = histories.update
    return {"users": len(update.changed_rows), "decoded": update.counts["new_events"]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=500)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    whole = events(rng, args.events, args, 1_500_000_000)
    log, made = (
        write(args.out / "log.csv", whole),
        args.out / f"run-{args.users}-{args.events}-{args.items}",
    )
    if not (made / "run.json").exists():
        preprocess.run(
            configuration.resolve(),
            preprocess.PreprocessInputs(interactions=log),
            args.out / "data",
            SilentReporter(),
            overwrite=True,
        )
        settings = configuration.resolve("pretrain", sets=SETTINGS)
        pretrain.run(settings, args.out / "data", made, SilentReporter(), overwrite=True)
    runtime.configure_jax()
    run = load(made)
    timed(raw_inputs, "read_log", "log")
    timed(user_states, "read_states", "state read")
    timed(state_advance, "advance_contexts", "decoder")
    timed(UserHistories, "contexts", "decoder")
    timed(user_states, "write_states", "state written")
    base = args.out / "state"
    shutil.rmtree(base, ignore_errors=True)
    once(run, log, base)

    sizes = [max(1, args.events // share) for share in (1000, 100, 10)]
    later = [
        write(args.out / f"later-{n}.csv", new := events(rng, n, args, 1_520_000_000))
        for n in sizes
    ]
    both = write(args.out / "both.csv", [*whole, *new])
    rows = [(f"{n:,} new", path, True) for n, path in zip(sizes, later, strict=True)]
    rows += [(f"whole log and {sizes[-1]:,} new", both, True), ("whole log, no state", both, False)]
    labels = ("log", "state read", "decoder", "state written")
    print(f"{args.events:,} events of {args.users:,} users; CPU seconds\n")
    print(
        "| events given | decoded | users read | "
        + " | ".join(labels)
        + " | all |\n|---|"
        + "---|" * (3 + len(labels))
    )
    for name, path, carried in rows:
        for _ in range(2):  # the first compiles
            folder = args.out / "copy" if carried else None
            shutil.rmtree(args.out / "copy", ignore_errors=True)
            shutil.copytree(base, args.out / "copy")
            start = time.process_time()
            counts = once(run, path, folder)
            seconds = time.process_time() - start
        cells = " | ".join(f"{SECONDS[label]:.2f}" for label in labels)
        print(
            f"| {name} | {counts['decoded']:,} | {counts['users']:,} | {cells} | {seconds:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
