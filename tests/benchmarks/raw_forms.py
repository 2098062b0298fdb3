"""Public data sets in their raw forms, with made-up values, through all five commands.

    python tests/benchmarks/raw_forms.py OUT [--only NAME] [--read-only]

Each set is small, has planted tastes, and is written as it is published: names of columns,
separators, encodings, formats of times, order of lines. `preprocess` runs as a new user would type
it; where it stops, the one command that its hint leads to follows. What was read is compared with
what was written. `--only` is the start of a set's name; `--read-only` leaves out the training.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from raw_forms import (
    amazon,
    books,
    clicks,
    movies,
    music,
    places,
    reviews,
    sessions,
    shops,
    streams,
)
from raw_forms.check import faults
from raw_forms.world import RawForm

SETS = (
    *(movies.movielens_100k, movies.movielens_1m, movies.movielens_20m),
    *(amazon.amazon_2014, amazon.amazon_ratings, amazon.amazon_2023),
    *(reviews.yelp, reviews.steam, books.goodreads, books.book_crossing),
    *(shops.h_and_m, sessions.instacart, shops.online_retail),
    *(clicks.retailrocket, sessions.yoochoose, sessions.diginetica),
    *(clicks.taobao, clicks.tmall, clicks.otto),
    *(music.lastfm_1k, music.lastfm_360k, streams.mind, streams.kuairec, streams.tenrec),
    *(places.gowalla, places.foursquare),
)


@dataclass(kw_only=True)
class Outcome:
    """What happened to a data set.

    Attributes:
        step: `first`, `hint` or `stopped`.
        wrong: What was read wrongly.
        commands: How many of the five commands passed.
    """

    form: RawForm
    step: str
    wrong: list[str] = field(default_factory=list)
    commands: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def row(self) -> str:
        how = {"first": "first try", "hint": "one hint", "stopped": "stopped"}[self.step]
        n = len(self.wrong)
        read = "right" if not n else "-" if self.step == "stopped" else f"{n} faults"
        return f"| {self.form.name} | {self.form.form} | {how} | {read} | {self.commands} |"


def run(folder: Path, command: str, log: Path) -> tuple[int, str]:
    """Run a command line in a folder; return its exit code and what it said."""
    environment = os.environ | {"M6REC_CACHE_DIR": str(folder.parent / "cache"), "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {command}\n{done.stderr}{done.stdout}\n[{done.returncode}]\n\n")
    return done.returncode, done.stderr


def read(form: RawForm, folder: Path, log: Path) -> Outcome:
    """Preprocess, after one hint if it takes one."""
    command, step = form.first, "first"
    code, said = run(folder, command, log)
    wanted = form.second is not None and form.hint in " ".join(said.split())
    if form.second is not None and wanted and (code or form.hint.startswith("--positive")):
        step = "hint"
        overwrite = "" if code else " --overwrite"
        command = form.second + overwrite
        code, said = run(folder, command, log)
    if code:
        last = next((x for x in reversed(said.splitlines()) if x.startswith("error")), "")
        return Outcome(form=form, step="stopped", wrong=[last[:120]])
    warnings = [x for x in said.splitlines() if x.startswith("warning")]
    return Outcome(
        form=form,
        step=step,
        wrong=faults(folder / "data", form.truth, has_catalogue=" --items " in command),
        commands=1,
        warnings=warnings,
    )


def train(outcome: Outcome, folder: Path, log: Path) -> None:
    """Pretrain, fine-tune, recommend and evaluate; counts what passes."""
    for command in (
        "m6rec pretrain data --preset tiny --set train.epochs=1 --out pretrained",
        "m6rec finetune data --init pretrained --set train.epochs=1 --out tuned",
        "m6rec recommend tuned --data data --out recs.jsonl",
        "m6rec evaluate tuned --data data --out report",
    ):
        code, _ = run(folder, command, log)
        if code:
            outcome.wrong.append(f"`{command.split()[1]}` failed")
            return
        outcome.commands += 1
    users = {user for user, _ in outcome.form.truth.events}
    known = {item for _, item in outcome.form.truth.events}
    rows = [json.loads(x) for x in (folder / "recs.jsonl").read_text("utf-8").splitlines()]
    served = {row["user_id"] for row in rows}
    if served != users:
        outcome.wrong.append(f"lists for {len(served)} of {len(users)} users")
    if not outcome.form.truth.items and {row["item_id"] for row in rows} - known:
        outcome.wrong.append("lists with unknown items")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--read-only", action="store_true")
    args = parser.parse_args()
    print("| Data set | Raw form | How | Read | Passed |\n|---|---|---|---|---|", flush=True)
    for make in SETS:
        folder = args.out.resolve() / make.__name__
        if not make.__name__.startswith(args.only):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        form, log = make(folder), folder / "log.txt"
        outcome = read(form, folder, log)
        if outcome.commands and not args.read_only:
            train(outcome, folder, log)
        print(outcome.row, flush=True)
        for said in (*outcome.wrong, *outcome.warnings):
            print(f"  {make.__name__}: {said}", file=sys.stderr)


if __name__ == "__main__":
    main()
