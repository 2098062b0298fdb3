"""Commands that are killed (SIGKILL) before changes of their files, then given again.

A kill is survived if the command, given again, ends with exit code 0 and the result of a command
that was never killed, and leaves nothing else behind.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from m6rec_cli.system import digests
from m6rec_cli.system.run_manifest import read_run
from tests.faults import kill_points
from tests.faults.long.table import Row, row_of
from tests.inference import trained
from tests.inference.trained import Shop

KILLS = 25
KILLED = (-9, 137)
NEVER = 10**9
EVENTS = [("31", 101, 1_700_000_000, "buy"), ("new", 102, 1_700_000_000, "buy")]
TRAINING = [
    word
    for setting in (*trained.SMALL[:-2], "train.epochs=3", "train.checkpoint_seconds=0")
    for word in ("--set", setting)
]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command that is killed.

    Attributes:
        name: Names it in the table.
        arguments: The words after `m6rec`; outputs are relative to the folder it works in.
        again: The words that are added when it is given again.
        result: What it made, from its folder, for comparing.
        before: A folder that is copied to where it works; None begins with an empty one.
    """

    name: str
    arguments: Sequence[object]
    again: Sequence[str]
    result: Callable[[Path], object]
    before: Path | None = None


def rows() -> Iterator[Row]:
    """One row for each command."""
    with tempfile.TemporaryDirectory() as root:
        for case in _cases(Path(root)):
            yield row_of(f"kill -9 of {case.name}, repeated", list(_kills(case, Path(root))))


def _cases(root: Path) -> Iterator[Case]:
    shop = trained.make(root / "shop")
    tables = ["--interactions", shop.events, "--items", shop.items, "--users", shop.users]
    yield Case(
        name="preprocess",
        arguments=["preprocess", *tables, "--out", "data"],
        again=["--overwrite"],
        result=lambda folder: digests.of_files(folder / "data" / "events"),
    )
    yield Case(
        name="pretrain",
        arguments=["pretrain", shop.data, "--out", "run", *TRAINING],
        again=["--resume"],
        result=_run_files,
    )
    yield Case(
        name="finetune",
        arguments=["finetune", shop.data, "--init", shop.run, "--out", "run", *TRAINING],
        again=["--resume"],
        result=_run_files,
    )
    yield Case(
        name="evaluate",
        arguments=["evaluate", shop.run, "--data", shop.data, "--out", "report.json"],
        again=["--overwrite"],
        result=_figures,
    )
    yield Case(
        name="recommend",
        arguments=["recommend", shop.run, "--data", shop.data, "--out", "lists.parquet"],
        again=["--overwrite"],
        result=lambda folder: digests.of_file(folder / "lists.parquet"),
    )
    yield _night(shop, root)


def _night(shop: Shop, root: Path) -> Case:
    """Tonight's events on a state that holds the log up to now."""
    log = trained.write(root, "night.csv", "user_id,item_id,timestamp,event", EVENTS)
    first = root / "first"
    first.mkdir()
    serve = ["recommend", shop.run, "--users", shop.users, "--state", "state"]
    kill_points.run_command(first, NEVER, *serve, "--interactions", shop.events, "--out", "a.csv")
    return Case(
        name="recommend --state --changed",
        arguments=[*serve, "--interactions", log, "--changed", "--out", "lists.csv"],
        again=["--overwrite"],
        result=lambda folder: (
            digests.of_file(folder / "lists.csv"),
            json.loads((folder / "state" / "state.json").read_text())["sha256"],
        ),
        before=first,
    )


def _kills(case: Case, root: Path, most: int = KILLS) -> Iterator[str]:
    """The outcome of each kill: before changes of files, and if these are few, at any time."""
    folder = root / "work"
    _start(case, folder)
    started = time.monotonic()
    whole = kill_points.run_command(folder, NEVER, *case.arguments)
    seconds = time.monotonic() - started
    expected, names = case.result(folder), _names(folder)
    n_changes = int(whole.stderr.splitlines()[-1])
    changes = sorted({round((k + 0.5) * n_changes / most + 0.5) for k in range(most)})
    n_timed = most - len(changes)
    kills: list[tuple[int, float | None]] = [(n, None) for n in changes]
    kills += [(NEVER, seconds * (k + 0.5) / n_timed) for k in range(n_timed)]
    for n, after in kills:
        _start(case, folder)
        killed = kill_points.run_command(folder, n, *case.arguments, after=after)
        if killed.returncode not in KILLED:
            continue  # it ended before that time
        again = kill_points.run_command(folder, NEVER, *case.arguments, *case.again)
        yield _outcome(again.returncode, again.returncode == 0 and case.result(folder) == expected)
        if again.returncode == 0 and _names(folder) != names:
            print(f"{case.name}, change {n}, {after} s: left {_names(folder)}", file=sys.stderr)
        elif again.returncode:
            print(f"{case.name}, change {n}, {after} s: {again.stderr[-600:]}", file=sys.stderr)


def _outcome(code: int, is_same: bool) -> str:
    if code:
        return "bug" if code == 3 else f"refused to go on: exit {code}"
    return "repeated" if is_same else "silent"


def _start(case: Case, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if case.before is None:
        folder.mkdir()
    else:
        shutil.copytree(case.before, folder)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _run_files(folder: Path) -> dict[str, str]:
    """The digests of the files that lists are made from, with the best parameters."""
    manifest = read_run(folder / "run")
    served = {n: d for n, d in manifest.files.items() if n.startswith(("catalogue/", "features/"))}
    return served | {"best": str(manifest.best)}


def _figures(folder: Path) -> dict[str, object]:
    report = json.loads((folder / "report.json").read_text())
    return {key: report[key] for key in ("systems", "comparisons")}
