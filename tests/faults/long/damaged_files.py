"""One bit of every kind of file is flipped.

A flip is survived if the reader refuses it by name, or reads the same facts as before. Anything
else is lost: values of a damaged file that were taken in silence, or an exception without words.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import user_states
from tests.faults.damage import outcome
from tests.inference.test_user_states import sample_states
from tests.worlds import mixed

FLIPS = 300


def read_data(folder: Path) -> str:
    """Read all that a data directory holds; give it as text to compare."""
    data = Dataset.open(folder)
    data.files.check(*data.files.names("features"))
    arrays = [data.feature(spec) for spec in data.specs]
    tables = [data.users, data.items, *data.events.columns().values()]
    return repr((data.manifest, [str(x) for x in tables], [a.values.sum() for a in arrays]))


def read_state(folder: Path) -> str:
    """Read a state directory; give it as text to compare."""
    states = user_states.read_states(folder, "run")
    return repr((states.users, states.events, states.contexts.sum(), states.states.sum()))


def flip_files(folder: Path, read: Callable[[Path], str], tries: int) -> Counter[tuple[str, str]]:
    """Flip one bit at a time; count the outcomes by kind of file."""
    rng, before, counts = np.random.default_rng(0), read(folder), Counter()
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    kinds = {
        p: "manifest" if p.parent == folder and p.suffix == ".json" else p.suffix for p in files
    }
    for kind in sorted(set(kinds.values())):
        of_kind = [p for p in files if kinds[p] == kind and p.stat().st_size]
        for _ in range(tries):
            path = of_kind[int(rng.integers(len(of_kind)))]
            content = path.read_bytes()
            damaged = bytearray(content)
            damaged[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
            path.write_bytes(damaged)
            found = outcome(lambda: read(folder), path, folder, before)
            counts[kind, found] += 1
            path.write_bytes(content)
    return counts


def rows() -> Iterator[dict[str, object]]:
    """One row for each kind of file: fault, tried, survived, lost, silent, bugs (exit 3)."""
    with tempfile.TemporaryDirectory() as root:
        mixed(Path(root) / "data")
        user_states.write_states(Path(root) / "state", sample_states(9), "run")
        for name, read in (("data", read_data), ("state", read_state)):
            counts = flip_files(Path(root) / name, read, FLIPS)
            for kind in sorted({kind for kind, _ in counts}):
                found = {found: n for (k, found), n in counts.items() if k == kind}
                good = found.get("refused", 0) + found.get("harmless", 0)
                bugs = sum(n for outcome, n in found.items() if outcome.startswith("bug"))
                yield {
                    "fault": f"one bit of {name}: {kind}",
                    "tried": FLIPS,
                    "survived": good,
                    "lost": FLIPS - good,
                    "silent": found.get("silent", 0),
                    "exit 3": bugs,
                }
