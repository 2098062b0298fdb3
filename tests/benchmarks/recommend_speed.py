"""Recommending at scale: users per second against a matrix product, and memory.

    python tests/benchmarks/recommend_speed.py OUT [--items 100000,1000000] [--users 20000]
        [--repeats 5]

For each catalogue, a generated log (ids only, five events per user) goes through the real commands:
`preprocess`, two steps of `pretrain`, and `recommend` for a third of the users, then for all. The
difference, which excludes start-up, gives the rate; `share` is relative to a jit-compiled product
of as many contexts with as many embeddings, in tiles of 64 MiB or 256 users, in its own process.
Medians of alternating repeats. Peak memory is that of the whole process.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from _commands import measured, prepared, save, table, trained

WIDTH, EVENTS = 64, 5
PRODUCT = """
import sys, time, jax, jax.numpy as jnp
users, items, width, tile = map(int, sys.argv[1:])
h = jax.random.normal(jax.random.key(0), (tile, width))
w = jax.random.normal(jax.random.key(1), (items, width))
product = jax.jit(lambda h: h @ w.T)
product(h).block_until_ready()
start = time.monotonic()
for _ in range(-(-users // tile)):
    product(h).block_until_ready()
print(time.monotonic() - start)
"""


def log(out: Path, n_users: int, n_items: int) -> list[object]:
    """A log with Zipf-like popularity, and a catalogue that includes items without events."""
    folder = out / f"{n_items}-{n_users}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "events.parquet").exists():
        rng = np.random.default_rng(0)
        n = n_users * EVENTS
        items = np.minimum((n_items ** rng.random(n)).astype(np.int64), n_items - 1)
        pl.DataFrame(
            {
                "user_id": np.arange(n) // EVENTS,
                "item_id": items,
                "timestamp": 1_700_000_000 + np.arange(n),
            }
        ).write_parquet(folder / "events.parquet")
        pl.DataFrame({"item_id": np.arange(n_items)}).write_parquet(folder / "items.parquet")
    return ["--interactions", folder / "events.parquet", "--items", folder / "items.parquet"]


def one(out: Path, n_items: int, n_users: int, repeats: int) -> dict[str, Any]:
    """The row of one catalogue size."""
    data = prepared(out / f"{n_items}-{n_users}" / "data", log(out, n_users, n_items))
    run = trained(
        "pretrain",
        data,
        out / f"{n_items}-{n_users}" / "run",
        ["train.max_steps=2", "train.valid_users=100"],
    )
    some = out / f"{n_items}-{n_users}" / "users.txt"
    few = n_users // 3
    some.write_text("".join(f"{n}\n" for n in range(few)))
    recommend = [
        "m6rec",
        "recommend",
        run,
        "--data",
        data,
        "--quiet",
        "--overwrite",
        "--out",
        out / "lists.parquet",
    ]
    rates, products, peaks = [], [], {"few": [], "all": []}
    measured([*recommend, "--user-ids", some])  # compiles, so that the others do not
    for _ in range(repeats):
        few_users = measured([*recommend, "--user-ids", some])
        all_users = measured(recommend)
        rates.append((n_users - few) / (all_users.seconds - few_users.seconds))
        peaks["few"].append(few_users.peak_mib)
        peaks["all"].append(all_users.peak_mib)
        tile = max(256, 64 * 2**20 // (4 * n_items))
        arguments = [sys.executable, "-c", PRODUCT, n_users, n_items, WIDTH, tile]
        products.append(
            n_users
            / float(
                subprocess.run(list(map(str, arguments)), capture_output=True, check=True).stdout
            )
        )
    rate, product = statistics.median(rates), statistics.median(products)
    return {
        "users/s": rate,
        "product users/s": product,
        "share": rate / product,
        "MiB, a third": statistics.median(peaks["few"]),
        "MiB, all": statistics.median(peaks["all"]),
        "rates": rates,
        "products": products,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--items", default="100000,1000000")
    parser.add_argument("--users", type=int, default=20000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    rows = {
        f"{n:,} items": one(args.out, n, args.users, args.repeats)
        for n in map(int, args.items.split(","))
    }
    table(
        f"recommend, {args.users:,} users, medians of {args.repeats}",
        rows,
        ("users/s", "product users/s", "share", "MiB, a third", "MiB, all"),
    )
    save(args.out, "recommend_speed", rows)


if __name__ == "__main__":
    main()
