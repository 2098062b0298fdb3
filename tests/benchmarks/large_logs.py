"""Peak memory and time of `pretrain` on logs of millions of events, and of packing an epoch.

    python tests/benchmarks/large_logs.py OUT [--sizes 5,20] [--items 20000] [--only pretrain,packing]

Sizes are millions of events. The logs are generated as data directories, ids alone, without
`preprocess`: 20 events a user on average, Zipf-like popularity, the last two events of a user held
out. `pretrain` runs one dispatch of an epoch with everything before and after it: reading, counting
the batches, validation, item graphs and ranking weights. `peak` is its peak resident memory, `bare`
that of the same run on 100,000 events: model, catalogue and libraries. `packing` makes the batches
of one epoch without a model.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from _commands import measured, save, sets, table

from m6rec_cli.data.format import SPLITS, TEST, TRAIN, VALID
from m6rec_cli.data.manifest import MANIFEST, Counts, DataManifest, write_manifest
from m6rec_cli.system import digests

ROWS_PER_FILE = 10_000_000
BARE_EVENTS = 100_000
SETTINGS = ["train.steps_per_dispatch=16", "train.max_steps=16", "train.valid_users=2000"]
PACKING = """
import sys, time
from pathlib import Path
from m6rec_cli.config import resolve
from m6rec_cli.training.batches import TrainingBatches
{open}
data_path, settings = Path(sys.argv[1]), sys.argv[2:]
config = resolve.resolve(sets=settings)
with opened(data_path, config) as data:
    batches = TrainingBatches.from_data(data, config, labelled_only=False, has_content=False)
    start, n = time.process_time(), 0
    for stack, steps in batches.epoch_batches(1):
        n += steps
    print(n, time.process_time() - start)
"""


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


def write_log(path: Path, n_events: int, n_items: int) -> Path:
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
    events = dict(zip(SPLITS, counts.tolist(), strict=True))
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
