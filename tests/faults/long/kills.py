"""Commands that are killed before each of their last changes of the files, then repeated."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from m6rec_cli.system import digests
from tests.faults import kill_points
from tests.inference import trained

NIGHT_KILLS = 60
EVENTS = [("31", 101, 1_700_000_000, "buy"), ("new", 102, 1_700_000_000, "buy")]


def rows() -> Iterator[dict[str, object]]:
    """One row for each command: fault, tried, survived, lost, silent, bugs (exit 3)."""
    with tempfile.TemporaryDirectory() as folder:
        yield night_lists(Path(folder), NIGHT_KILLS)


def night_lists(folder: Path, most: int) -> dict[str, object]:
    """`recommend --state --changed`, killed anywhere, then repeated as the guide says."""
    shop = trained.make(folder / "shop")
    log = trained.write(folder, "night.csv", "user_id,item_id,timestamp,event", EVENTS)
    first = folder / "first"
    _recommend(folder, 10**9, shop, first, shop.events, "first.csv", "--overwrite")
    counts = {"tried": 0, "survived": 0, "lost": 0, "silent": 0, "exit 3": 0}
    expected = None
    for n in (10**9, *range(1, most + 1)):
        night = folder / "night"
        shutil.rmtree(night, ignore_errors=True)
        shutil.copytree(first, night)
        killed = _recommend(night, n, shop, night, log, "lists.csv", "--changed")
        again = killed
        if killed.returncode == -9:
            again = _recommend(
                night, 10**9, shop, night, log, "lists.csv", "--changed", "--overwrite"
            )
        found = _outcome(night)
        if expected is None:
            expected = found
            continue
        if killed.returncode != -9:
            break  # fewer changes than `n`
        counts["tried"] += 1
        counts["survived"] += found == expected and again.returncode == 0
        counts["lost"] += again.returncode == 0 and found[0] != expected[0]
        counts["silent"] += again.returncode == 0 and found != expected
        counts["exit 3"] += again.returncode == 3
    return {"fault": "recommend --state --changed killed, repeated", **counts}


def _recommend(root, n, shop, folder: Path, log, out: str, *flags: str):
    arguments = ["recommend", shop.run, "--interactions", log, "--users", shop.users]
    arguments += ["--state", folder / "state", "--out", folder / out, *flags]
    return kill_points.run(kill_points.COMMAND, root, n, *arguments)


def _outcome(folder: Path) -> tuple[str, str, list[str]]:
    """The lists, the user states, and the names that the command left."""
    lists = hashlib.sha256((folder / "lists.csv").read_bytes()).hexdigest()
    state = digests.of_directory(folder / "state")
    return lists, state, sorted(p.name for p in folder.iterdir())
