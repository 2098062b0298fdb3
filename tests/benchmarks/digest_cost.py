"""Processor seconds that commands spend on digests of files, medians of five runs.

    python tests/benchmarks/digest_cost.py OUT [--items 6000] [--side 128]

Makes a shop with one picture an item in OUT, a data directory and a run, unless they are there.
Processor seconds are those of the whole process; other programs on the machine do not count.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
from _commands import sets
from PIL import Image

RUNS, USERS, EVENTS = 5, 300, 12
MEASURED = """
import atexit, hashlib, json, sys, time
seconds, size, digest = 0.0, 0, hashlib.file_digest

def measured(file, name):
    global seconds, size
    start = time.thread_time()
    found = digest(file, name)
    seconds += time.thread_time() - start
    size += file.tell()
    return found

def tell():
    print(json.dumps([seconds, size, time.process_time()]), file=sys.stderr)

hashlib.file_digest = measured
atexit.register(tell)
from m6rec_cli.__main__ import main
sys.argv[0] = "m6rec"
main()
"""
TRAINING = ("train.max_steps=40", "model.width=32", "train.batch_targets=256")


def main() -> None:
    """Measure `pretrain`, `recommend` and `evaluate`, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path)
    parser.add_argument("--items", type=int, default=6000)
    parser.add_argument("--side", type=int, default=128, help="pixels of a picture")
    args = parser.parse_args()
    shop, data, run = (args.out / name for name in ("shop", "data", "run"))
    tables = _write_shop(shop, args.items, args.side)
    if not data.exists():
        _run("preprocess", *tables, "--out", data, *sets([f"data.image_size={args.side}"]))
    commands: dict[str, list[object]] = {
        "pretrain": [data, "--out", run, *sets(TRAINING), "--overwrite"],
        "recommend": [run, "--data", data, "--out", args.out / "lists.parquet", "--overwrite"],
        "evaluate": [run, "--data", data, "--out", args.out / "report", "--overwrite"],
    }
    print("command\tprocessor seconds\tof these digests\tMB read for digests")
    for name, arguments in commands.items():
        runs = [_run(name, *arguments) for _ in range(RUNS)]
        seconds, size, total = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"{name}\t{total:.1f}\t{seconds:.2f}\t{size / 1e6:.0f}", flush=True)


def _run(*args: object) -> tuple[float, float, float]:
    """Digest seconds, bytes and processor seconds of a command."""
    words = [sys.executable, "-c", MEASURED, *map(str, args)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, size, total = json.loads(done.stderr.splitlines()[-1])
    return seconds, size, total


def _write_shop(folder: Path, n_items: int, side: int) -> list[object]:
    """Events of users who like one colour, and items with a picture of noise around theirs."""
    tables = ["--interactions", folder / "events.csv", "--items", folder / "items.csv"]
    if (folder / "events.csv").exists():
        return tables
    rng = np.random.default_rng(0)
    (folder / "pictures").mkdir(parents=True)
    for item in range(n_items):
        pixels = rng.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
        pixels[..., item % 3] = 255
        Image.fromarray(pixels).save(folder / "pictures" / f"{item}.png")
    with (folder / "items.csv").open("w", newline="") as file:
        rows = ([f"i{item}", f"pictures/{item}.png"] for item in range(n_items))
        csv.writer(file).writerows([["item_id", "picture"], *rows])
    with (folder / "events.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["user_id", "item_id", "timestamp"])
        for user in range(USERS):
            liked = 3 * rng.integers(0, n_items // 3, EVENTS) + user % 3
            out.writerows([f"u{user}", f"i{item}", 86_400 * n] for n, item in enumerate(liked))
    return tables


if __name__ == "__main__":
    main()
