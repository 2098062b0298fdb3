"""Commands that are killed (SIGKILL) while they change files, then given again.

A kill is survived if the command, given again, ends with exit code 0 and the result of a command
that was never killed, and leaves nothing else behind.
"""

import itertools
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from m6rec_cli.system import digests
from m6rec_cli.system.run_manifest import read_run
from tests.faults import kill_points
from tests.faults.long.table import Row, row_of
from tests.inference import trained
from tests.inference.trained import Shop

KILLS, NIGHT_KILLS = 25, 60
KILLED = -9
AT_ONCE = 3
"""Commands that are killed at a time."""
NEVER = 10**9
GOLDEN = 0.6180339887
"""Its multiples fill the time between 0 and 1 evenly, however many there are."""
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
        kills: How many times it is killed.
    """

    name: str
    arguments: Sequence[object]
    again: Sequence[str]
    result: Callable[[Path], object]
    before: Path | None = None
    kills: int = KILLS


def rows() -> Iterator[Row]:
    """One row for each command."""
    with tempfile.TemporaryDirectory() as root, ThreadPoolExecutor(AT_ONCE) as pool:
        cases = _cases(Path(root))
        yield from pool.map(lambda case: _row(case, Path(root)), cases)


def _row(case: Case, root: Path) -> Row:
    found = list(_kills(case, root / f"work at {case.name}"))
    return row_of(f"kill -9 of {case.name}, repeated", found)


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
        kills=NIGHT_KILLS,
    )


def _kills(case: Case, folder: Path) -> Iterator[str]:
    """The outcome of each kill, see `_moments`; a command that ends first is not counted."""
    _start(case, folder)
    whole = kill_points.run_command(folder, NEVER, *case.arguments)
    expected, names = case.result(folder), _names(folder)
    n_changes, seconds = whole.stderr.splitlines()[-1].split()
    n_kills = 0
    for n, after in _moments(int(n_changes), float(seconds), case.kills):
        _start(case, folder)
        killed = kill_points.run_command(folder, n, *case.arguments, after=after)
        if killed.returncode != KILLED:
            continue
        n_kills += 1
        again = kill_points.run_command(folder, NEVER, *case.arguments, *case.again)
        found = _outcome(again.returncode, lambda: case.result(folder) == expected)
        left = sorted(set(_names(folder)) - set(names))
        moment = f"before change {n}" if after is None else f"{after:.2f} s after the first change"
        said = again.stderr[-600:] if again.returncode else ""
        print(f"{case.name}, kill {n_kills}, {moment}: {found} {said}", file=sys.stderr)
        yield f"left {left}" if found == "repeated" and left else found
        if n_kills == case.kills:
            return


def _moments(n_changes: int, seconds: float, n_kills: int) -> Iterator[tuple[int, float | None]]:
    """When to kill: before changes of files, evenly; then without end between the changes.

    Args:
        seconds: From the first change to the end of the command.

    Yields:
        The number of a change, and seconds after the first change.
    """
    for n in sorted({round((k + 0.5) * n_changes / n_kills + 0.5) for k in range(n_kills)}):
        yield n, None
    for k in itertools.count(1):
        yield NEVER, seconds * (k * GOLDEN % 1)


def _outcome(code: int, is_same: Callable[[], bool]) -> str:
    if code:
        return "bug" if code == 3 else f"refused to go on: exit {code}"
    return "repeated" if is_same() else "silent"


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
