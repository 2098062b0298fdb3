"""Memory and time of `pretrain` on logs of millions of events, of its batches and of item graphs.

    python -m tests.benchmarks.large_logs OUT [--sizes 5,20] [--only pretrain,packing,graphs]

Sizes are millions of events. The logs are generated as data directories, ids alone, without
`preprocess`: 20,000 items of Zipf-like popularity, 20 events a user on average, of which the last
two are held out. `pretrain` does 16 steps and all that is before and after them: reading, counting
the batches, validation, item graphs and ranking weights. `bare` is the same run on 100,000 events:
what libraries, model and catalogue take. `packing` makes the batches of an epoch without a model,
in blocks and, up to 20 million events, all at once as for a short log. `graphs` fits co-occurrence
and transitions of `--items` items.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.settings import Config
from m6rec_cli.data.format import SPLITS, TEST, TRAIN, VALID
from m6rec_cli.data.manifest import MANIFEST, Counts, DataManifest, write_manifest
from m6rec_cli.data.store import Dataset
from m6rec_cli.data.stored_events import long_log_on_disk
from m6rec_cli.item_graphs import cooccurrence, run_graphs, transitions
from m6rec_cli.system import digests
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.training.batches import TrainingBatches
from tests.benchmarks._commands import m6rec, save, sets, table

ROWS_PER_FILE = 10_000_000
FEW_STEPS = ["train.steps_per_dispatch=16", "train.max_steps=16", "train.valid_users=2000"]
ITEMS = 20_000
MOST_AT_ONCE = 20.0
"""Millions of events that are packed at once, too: they take 4 GiB."""


def histories(n_events: int, rng: np.random.Generator) -> np.ndarray:
    """Lengths of histories, 3 at least and 20 on average, that sum to `n_events`."""
    lengths = 3 + rng.geometric(1 / 18, n_events // 20 + n_events // 100 + 10) - 1
    ends = np.cumsum(lengths)
    last = int(np.searchsorted(ends, n_events))
    lengths = lengths[: last + 1]
    lengths[-1] -= ends[last] - n_events
    return lengths


def parts(lengths: np.ndarray, n_items: int, rng: np.random.Generator) -> Iterator[pl.DataFrame]:
    """The events of users with histories of these lengths, at most `ROWS_PER_FILE` at a time."""
    ends = np.cumsum(lengths)
    for start in range(0, int(ends[-1]), ROWS_PER_FILE):
        at = np.arange(start, min(start + ROWS_PER_FILE, int(ends[-1])))
        user = np.searchsorted(ends, at, side="right")
        to_end = ends[user] - at
        split = np.where(to_end == 1, TEST, np.where(to_end == 2, VALID, TRAIN))
        item = np.minimum((n_items ** rng.random(len(at))).astype(np.uint32), n_items - 1)
        yield pl.DataFrame(
            {
                "user_row": user.astype(np.uint32),
                "item_row": item,
                "timestamp": 1_600_000_000_000 + at * 1000,
                "event": np.zeros(len(at), np.uint8),
                "weight": np.ones(len(at), np.float32),
                "label": np.ones(len(at), bool),
                "split": split.astype(np.uint8),
            }
        )


def write_log(path: Path, n_events: int, n_items: int = ITEMS) -> Path:
    """A data directory of `n_events` events; it is kept if it exists."""
    if (path / MANIFEST).exists():
        return path
    for folder in ("events", "media", "features"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    lengths = histories(n_events, rng)
    popularity, counts = np.zeros(n_items, np.int64), np.zeros(len(SPLITS), np.int64)
    for i, frame in enumerate(parts(lengths, n_items, rng)):
        frame.write_parquet(path / "events" / f"part-{i:05d}.parquet")
        split = frame["split"].to_numpy()
        counts += np.bincount(split, minlength=len(SPLITS))
        trains = frame["item_row"].to_numpy()[split == TRAIN]
        popularity += np.bincount(trains, minlength=n_items)
    for entity, n in (("user", len(lengths)), ("item", n_items)):
        columns = {"row": pl.int_range(n, dtype=pl.UInt32, eager=True)}
        columns["id"] = entity[0] + columns["row"].cast(pl.String)
        if entity == "item":
            columns["display"] = pl.Series([None] * n, dtype=pl.String)
            columns["popularity"] = pl.Series(popularity, dtype=pl.UInt32)
        pl.DataFrame(columns).write_parquet(path / f"{entity}s.parquet")
    (path / "features" / "features.json").write_text("[]")
    events: dict[str, int] = dict(zip(SPLITS, counts.tolist(), strict=True))
    files = digests.of_files(path)
    manifest = DataManifest(
        schema={"user": "user_id", "item": "item_id", "timestamp": "timestamp"},
        counts=Counts(
            users=len(lengths), items=n_items, events=events, targets=events | {"train": 0}
        ),
        cleaning=[],
        split="leave-one-out",
        positive=None,
        event_kinds=("event",),
        has_time=True,
        ties=0,
        repeats=0.0,
        inputs=[],
        config={},
        fingerprints=(digests.of_listing(files),),
        files=files,
    )
    write_manifest(path, manifest)
    return path


def pretrain(out: Path, millions: float) -> dict[str, float]:
    """Peak memory in MiB and seconds of a run of few steps."""
    data = write_log(out / f"log-{millions:g}", round(millions * 1e6))
    start = time.monotonic()
    run = m6rec("pretrain", data, *sets(FEW_STEPS), "--out", out / "run", "--overwrite", "--quiet")
    return {
        "peak MiB": run["peak_host_bytes"] / 2**20,
        "seconds": time.monotonic() - start,
    }


def packing(out: Path, millions: float, *, at_once: bool) -> dict[str, float]:
    """CPU seconds of the batches of the second epoch, and peak memory of the process.

    Reading the blocks is a part of it, which is timed alone before.
    """
    data = write_log(out / f"log-{millions:g}", round(millions * 1e6))
    # Spawned: a forked process would begin with the memory of this one.
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        reading, seconds, peak = pool.apply(_pack, (data, at_once))
    return {
        "reading, CPU s": reading,
        "CPU s": seconds,
        "CPU s a million": seconds / millions,
        "peak MiB": peak,
    }


def _pack(path: Path, at_once: bool) -> tuple[float, float, float]:
    block = ["train.events_per_block=1000000000"] if at_once else []
    config = configuration.resolve("pretrain", sets=block)
    most = config.train.events_per_block
    with long_log_on_disk(Dataset.open(path), most, SilentReporter()) as data:
        batches = TrainingBatches.from_data(data, config, labelled_only=False, has_content=False)
        start = time.process_time()
        for chunks in batches.log.blocks(1):
            batches.log.read(chunks)
        read = time.process_time()
        for _ in batches.epoch_batches(1):
            pass
        packed = time.process_time()
    return read - start, packed - read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def graphs(out: Path, millions: float, n_items: int) -> dict[str, float]:
    """CPU seconds of each item graph of a log, and peak memory of the process that fits them."""
    name = f"log-{millions:g}" + ("" if n_items == ITEMS else f"-{n_items}")
    data = write_log(out / name, round(millions * 1e6), n_items)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, peak = pool.apply(_fit_graphs, (data,))
    return {
        "co-occurrence, CPU s": seconds[0],
        "transitions, CPU s": seconds[1],
        "peak MiB": peak,
    }


def _fit_graphs(path: Path) -> tuple[list[float], float]:
    most, seconds = Config().train.events_per_block, []
    with long_log_on_disk(Dataset.open(path), most, SilentReporter()) as data:
        popularity = data.items["popularity"].to_numpy().astype(np.int64)
        histories = run_graphs.training_histories(data.log)
        for graph in (cooccurrence, transitions):
            start = time.process_time()
            graph.fit_histories(histories, popularity)
            seconds.append(time.process_time() - start)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--sizes", default="5,20")
    parser.add_argument("--only", default="pretrain,packing")
    parser.add_argument("--items", type=int, default=ITEMS)
    args = parser.parse_args()
    sizes, report = [float(size) for size in args.sizes.split(",")], {}
    if "pretrain" in args.only:
        pretrain(args.out, 0.1)  # compile
        rows = {"bare": pretrain(args.out, 0.1)}
        rows |= {f"{size:g} million": pretrain(args.out, size) for size in sizes}
        table("pretrain, few steps", rows, ("peak MiB", "seconds"))
        report["pretrain"] = rows
    if "packing" in args.only:
        rows = {}
        for size in sizes:
            rows[f"{size:g} million, blocks"] = packing(args.out, size, at_once=False)
            if size <= MOST_AT_ONCE:
                rows[f"{size:g} million, at once"] = packing(args.out, size, at_once=True)
        table(
            "batches of an epoch", rows, ("reading, CPU s", "CPU s", "CPU s a million", "peak MiB")
        )
        report["packing"] = rows
    if "graphs" in args.only:
        rows = {f"{size:g} million": graphs(args.out, size, args.items) for size in sizes}
        columns = ("co-occurrence, CPU s", "transitions, CPU s", "peak MiB")
        table(f"item graphs of {args.items:,} items", rows, columns)
        report["graphs"] = rows
    save(args.out, "large_logs", report)


if __name__ == "__main__":
    main()
