"""Every file damaged in every way, and single bits flipped in every kind of file.

Damage is survived if the reader refuses it by name, or reads the same as before. Anything else is
lost: values of a damaged file that were taken in silence, or an exception without words.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from m6rec_cli.inference import user_states
from m6rec_cli.system.run_manifest import read_run
from tests.faults import readers
from tests.faults.damage import damage_each_file, flip_bit, outcome
from tests.faults.long.table import Row, row_of
from tests.inference import trained
from tests.inference.test_user_states import sample_states
from tests.worlds import mixed

FLIPS = 300


def rows() -> Iterator[Row]:
    """One row for each directory and each kind of file."""
    with tempfile.TemporaryDirectory() as root:
        mixed(Path(root) / "data")
        user_states.write_states(Path(root) / "state", sample_states(9), "run")
        shop = trained.make(Path(root) / "shop")
        for name, read in (("data", readers.read_data), ("state", readers.read_state)):
            folder = Path(root) / name
            yield _each_file(name, folder, readers.files_of(folder), read)
            yield from _flips(name, folder, read)
        best = readers.files_of_run(shop.run, step=read_run(shop.run).best.step)
        yield _each_file("run", shop.run, best, readers.read_run)
        last = int(max((p.stem for p in (shop.run / "steps").glob("*.json")), key=int))
        steps = [p for p in readers.files_of_run(shop.run, step=last) if "steps" in p.parts]
        yield _each_file(
            "a step for --resume", shop.run, steps, partial(readers.read_step, step=last)
        )


def _each_file(name: str, folder: Path, files: list[Path], read: Callable[[Path], object]) -> Row:
    found = [d.outcome for d in damage_each_file(folder, files, lambda: read(folder))]
    return row_of(f"{len(files)} files of {name}: halved, emptied, foreign, removed, a bit", found)


def _flips(name: str, folder: Path, read: Callable[[Path], object]) -> Iterator[Row]:
    """Flip one bit at a time in files of each kind."""
    rng, before = np.random.default_rng(0), read(folder)
    files = [path for path in readers.files_of(folder) if path.stat().st_size]
    kinds = {
        p: "manifest" if p.parent == folder and p.suffix == ".json" else p.suffix for p in files
    }
    for kind in Counter(kinds.values()):
        of_kind = [path for path in files if kinds[path] == kind]
        found = []
        for _ in range(FLIPS):
            path = of_kind[int(rng.integers(len(of_kind)))]
            content = path.read_bytes()
            flip_bit(path, content, rng)
            found.append(outcome(lambda: read(folder), path, folder, before))
            path.write_bytes(content)
        yield row_of(f"one bit of {name}: {kind}", found)
