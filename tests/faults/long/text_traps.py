"""Words that set traps: expressions, paths, ids for terminals and spreadsheets, cache folders.

A trap is survived if the command refuses it with exit code 1, or shows or writes it disarmed.
"""

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.cli.shell import ENVIRONMENT, m6rec, on_terminal
from tests.faults.kill_points import COMMAND
from tests.faults.long.table import Row, row_of

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)")
IDS = [*FORMULAS, "\x1b]0;owned\x07", "\x9b31mred", "\u202eright to left", "\x1b[2Jcleared"]
FORGED = "a\nerror: forged"
EXPRESSIONS = (
    "RPAD(event, 2000000000, 'x') = 'a'",
    "\"lpad\"(event, 2000000000, 'x') = 'a'",
    "REPEAT(event, 2000000000) = 'a'",
    "RPAD/**/(event, 2000000000, 'x') = 'a'",
    "event = E'\\'' OR RPAD(event, 2000000000, ') = '",
)
ENCODERS = ("~nobody/m", "~no-such-user/m", "/etc/passwd", "/dev/zero")
NO_HOME = """
import os, sys
from pathlib import Path

def home():
    raise RuntimeError("this user has no home directory")

Path.home = home
for name in ("M6REC_CACHE_DIR", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)
"""


def rows() -> Iterator[Row]:
    """A row for each kind of words."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        log = _write_log(folder / "events.csv")
        data = ["preprocess", "--interactions", log, "--out", folder / "data", "--overwrite"]
        expressions = [_refused(*data, "--positive", text) for text in EXPRESSIONS]
        yield row_of("expressions that would take gigabytes", expressions)
        encoders = [
            _refused(*data, "--set", f'data.text_encoder="{name}"', "--items", _items(folder))
            for name in ENCODERS
        ]
        yield row_of("encoders that are other files, or another user's", encoders)
        _write_log(folder / "broken.csv", FORGED)
        broken = ["preprocess", "--interactions", folder / "broken.csv", "--out", folder / "data"]
        run = ["pretrain", folder / "data", "--out", folder / "run", "--set", "train.epochs=1"]
        for command in (data, [*run, "--preset", "tiny"]):
            done = m6rec(*map(str, command))
            assert done.returncode == 0, done.stderr
        found = [_refused(*broken, "--overwrite"), *_on_terminal(folder)]
        yield row_of("ids and titles that are commands of a terminal", found)
        yield row_of("ids that are formulas of a spreadsheet", list(_formulas(folder)))
        yield row_of("cache folders that others could write to", list(_caches(folder)))


def _write_log(file: Path, *more: str) -> Path:
    """A log of 30 users, half of whose items have the ids above."""
    items = [*IDS, *more, *(f"i{n}" for n in range(len(IDS)))]
    with file.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["user_id", "item_id", "timestamp", "event"])
        for user in range(30):
            for n in range(6):
                item = items[(user * 3 + n * 5) % len(items)]
                out.writerow([f"u{user}", item, 1_600_000_000 + 86_400 * n + user, "buy"])
    return file


def _items(folder: Path) -> Path:
    with (folder / "items.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["item_id", "title"], *([i, f"{FORGED} {i}"] for i in IDS)])
    return folder / "items.csv"


def _refused(*command: object) -> str:
    done = m6rec(*map(str, command))
    is_refused = done.returncode == 1 and "\nerror: " in f"\n{done.stderr}"
    return "refused" if is_refused else f"bug: exit {done.returncode}: {done.stderr[-300:]}"


def _on_terminal(folder: Path) -> Iterator[str]:
    """Lists, tables and warnings that hold the ids, as a terminal gets them."""
    log = ["preprocess", "--interactions", _write_log(folder / "other.csv")]
    known = [*log, "--items", _items(folder)]
    serve = ["recommend", folder / "run", "--data", folder / "data"]
    for command in (
        [*serve, "--out", "-"],
        [*serve, "--explain", "--out", "-"],
        ["inspect", folder / "data", folder / "run"],
        [*log, "--dry-run"],
        [*known, "--unknown-items", "drop", "--yes", "--out", folder / "few"],
    ):
        words = [sys.executable, "-m", "m6rec_cli", *map(str, command)]
        shown = on_terminal(words, env={**ENVIRONMENT, "TERM": "xterm"})
        is_sprung = any(trap in shown for trap in ("\x1b]0;", "\x9b", "\u202e", "\nerror: forged"))
        yield "silent" if is_sprung else "harmless"


def _formulas(folder: Path) -> Iterator[str]:
    lists = folder / "lists.csv"
    serve = ["recommend", folder / "run", "--data", folder / "data", "--out", lists]
    done = m6rec(*map(str, serve), "--escape-formulas", "--overwrite")
    assert done.returncode == 0, done.stderr
    with lists.open(newline="") as stream:
        found = {row["item_id"] for row in csv.DictReader(stream)}
    for text in FORMULAS:
        yield "silent" if text in found else "harmless"


def _caches(folder: Path) -> Iterator[str]:
    """The folder that a user without a home directory would get exists already."""
    serve = ["recommend", folder / "run", "--data", folder / "data", "--out", "-"]
    kinds = ("world-writable", "link", "foreign")
    for kind in kinds if os.getuid() == 0 else kinds[:2]:
        place = folder / kind
        cache = place / f"m6rec-{os.getuid()}"
        (place / "theirs").mkdir(parents=True, mode=0o700)
        if kind == "link":
            cache.symlink_to(place / "theirs")
        else:
            cache.mkdir(mode=0o700)
            cache.chmod(0o777 if kind == "world-writable" else 0o700)
        if kind == "foreign":
            os.chown(cache, 12345, 12345)
        done = subprocess.run(
            [sys.executable, "-c", NO_HOME + COMMAND, *map(str, serve)],
            capture_output=True,
            text=True,
            env={**ENVIRONMENT, "TMPDIR": str(place)},
            timeout=300,
        )
        if done.returncode:
            yield f"bug: exit {done.returncode}: {done.stderr[-300:]}"
        else:
            yield "silent" if any(cache.iterdir()) else "harmless"
