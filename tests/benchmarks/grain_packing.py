"""CPU time of packing histories into rows: ours, and by Grain, the loader of the JAX ecosystem.

    pip install grain
    python -m tests.benchmarks.grain_packing [--users 100000]

Histories of 20 events on average and 63 at most, rows of 64 tokens. Grain shuffles histories and
packs each into the first open row with room; `pack_training` packs all of a block.
"""

import argparse
import time
from collections.abc import Iterable

import grain  # pyright: ignore[reportMissingImports]
import numpy as np
from grain.experimental import (  # pyright: ignore[reportMissingImports]
    FirstFitPackIterDataset,
)

from m6rec_cli.data.events import EVENT_TYPES, Events
from m6rec_cli.data.packing import pack_training
from tests.benchmarks._commands import table

LENGTH = 64
OPEN_ROWS = (8, 64)


class Histories:
    """A source of Grain: the columns of each history."""

    def __init__(self, events: Events, offsets: np.ndarray) -> None:
        self.events, self.offsets = events, offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, record_key: int) -> dict[str, np.ndarray]:
        start, stop = self.offsets[record_key : record_key + 2]
        return {"item": self.events.item_row[start:stop], "event": self.events.event[start:stop]}


def made_events(n_users: int) -> tuple[Events, np.ndarray]:
    """Events, and the position of each user's first one."""
    rng = np.random.default_rng(0)
    lengths = np.minimum(2 + rng.geometric(1 / 18, n_users), LENGTH - 1)
    n = int(lengths.sum())
    columns = {name: np.zeros(n, dtype) for name, dtype in EVENT_TYPES.items()}
    columns["user_row"] = np.repeat(np.arange(n_users, dtype=np.int32), lengths)
    columns["item_row"] = rng.integers(0, 20_000, n).astype(np.int32)
    return Events(**columns), np.concatenate([[0], np.cumsum(lengths)])


def measured(rows: Iterable[object], n_events: int) -> dict[str, float | None]:
    """CPU seconds a million events, and the share of the tokens that is used."""
    start = time.process_time()
    n_rows = sum(1 for _ in rows)
    seconds = time.process_time() - start
    return {"CPU s a million": seconds / n_events * 1e6, "used": n_events / (n_rows * LENGTH)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=100_000)
    events, offsets = made_events(parser.parse_args().users)
    n = len(events)
    in_this_process = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
    shuffled = grain.MapDataset.source(Histories(events, offsets)).shuffle(seed=1)
    histories = shuffled.to_iter_dataset(in_this_process)
    lengths = {"item": LENGTH, "event": LENGTH}
    found = {"Grain, shuffled histories": measured(histories, n) | {"used": None}}
    for n_rows in OPEN_ROWS:
        packed = FirstFitPackIterDataset(histories, length_struct=lengths, num_packing_bins=n_rows)
        found[f"Grain, {n_rows} open rows"] = measured(packed, n)
    start = time.process_time()
    rows = pack_training(
        events,
        np.zeros(n, np.int32),
        weight=np.ones(n, np.float32),
        length=LENGTH,
        first_event=1.0,
        rng=np.random.default_rng(0),
    )
    seconds = time.process_time() - start
    found["ours"] = {"CPU s a million": seconds / n * 1e6, "used": n / (len(rows) * LENGTH)}
    table("packing", found, ("CPU s a million", "used"))


if __name__ == "__main__":
    main()
