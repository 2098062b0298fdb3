"""Write a small directory of each kind in the present formats, for later versions to read.

    python tests/golden/directories/make.py

Their folder is named for the formats, such as `data3-run9-state3`. A new format gets another folder
beside the old ones, which stay as they are. If a change makes the newest unreadable, its format has
to be raised; only before the first release with that format the folder may be made again.
`lists.csv` are the lists of the run.
"""

import csv
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from m6rec_cli.data import manifest
from m6rec_cli.inference import user_states
from m6rec_cli.system import run_manifest

HERE = Path(__file__).parent
OUT = HERE / f"data{manifest.FORMAT}-run{run_manifest.FORMAT}-state{user_states.FORMAT}"
SETTINGS = (
    "model.width=8",
    "model.decoder.layers=1",
    "model.generator.hidden=8",
    "model.generator.noise=2",
    "train.epochs=2",
    "train.batch_targets=32",
)


def write_tables(folder: Path) -> None:
    """Ten items of two kinds; twelve users, of whom each buys one kind."""
    with (folder / "items.csv").open("w", newline="") as file:
        rows = [
            (f"i{k}", f"thing {k}", ("red", "blue")[k % 2], 5 + k, f"{k % 2} 0.{k} 1")
            for k in range(10)
        ]
        csv.writer(file).writerows([("item_id", "title", "colour", "price", "look"), *rows])
    with (folder / "users.csv").open("w", newline="") as file:
        rows = [(f"u{k}", 20 + k) for k in range(12)]
        csv.writer(file).writerows([("user_id", "age"), *rows])
    with (folder / "events.csv").open("w", newline="") as file:
        rows = [
            (f"u{user}", f"i{(user % 2 + 2 * (user + n)) % 10}", 1_600_000_000 + 86_400 * n + user)
            for user in range(12)
            for n in range(5)
        ]
        csv.writer(file).writerows([("user_id", "item_id", "timestamp"), *rows])


def m6rec(folder: Path, *arguments: str) -> None:
    """Run a command in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent.parent.parent)}
    command = [sys.executable, "-m", "m6rec_cli", *arguments, "--quiet"]
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Write the directories; they may not be there."""
    if OUT.exists():
        sys.exit(f"{OUT.name} is there: directories of a format are made once")
    sets = [word for setting in SETTINGS for word in ("--set", setting)]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        write_tables(work)
        tables = ["--interactions", "events.csv", "--users", "users.csv"]
        m6rec(work, "preprocess", *tables, "--items", "items.csv", "--out", "data")
        m6rec(work, "pretrain", "data", "--out", "run", *sets)
        m6rec(
            work, "recommend", "run", *tables, "--state", "state", "-k", "3", "--out", "lists.csv"
        )
        m6rec(work, "evaluate", "run", "--data", "data", "--out", "report")
        (work / "report" / "report.html").unlink()
        shutil.copytree(work, OUT)


if __name__ == "__main__":
    main()
