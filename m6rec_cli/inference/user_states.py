"""A state directory: what is kept of every user between two runs of `recommend --state`.

Layout: `state.json` names one complete generation, a numbered folder. A run writes the next one beside it, then
`state.json` in one rename, then removes the old one: a crash at any moment leaves one of the two. In a generation:

- `users.parquet`: `id` str, `profile` u64 (a digest of the encoded profile, 0 if there is none);
- `contexts.npy` f32 (users, d) and `states.npy` f32 (users, s): after each user's last event;
- `events.parquet`: `user` and `item` u32 (places in the tables here), `timestamp` i64, `event` u8: the last events of
  each user, as many as a full pass looks at, sorted by user and time;
- `older.parquet`: `user` and `item` u32, each pair once: met in earlier events;
- `items.parquet`: `id` str, `known` bool (the catalogue had it), `embedding` list of f32 (of items that the run does not hold).
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from m6rec_cli.system import digests
from m6rec_cli.system.directories import atomic_directory, read_json, write_json
from m6rec_cli.system.errors import M6RecError

FORMAT = 1
MANIFEST = "state.json"
_FRAMES = {
    "users": {"id": pl.String, "profile": pl.UInt64},
    "events": {"user": pl.UInt32, "item": pl.UInt32, "timestamp": pl.Int64, "event": pl.UInt8},
    "older": {"user": pl.UInt32, "item": pl.UInt32},
    "items": {"id": pl.String, "known": pl.Boolean, "embedding": pl.List(pl.Float32)},
}
_ANEW = "delete it or name another one, and pass the whole log once"


@dataclass(frozen=True)
class UserStates:
    """A generation in memory; the frames are those of the layout."""

    users: pl.DataFrame
    events: pl.DataFrame
    older: pl.DataFrame
    items: pl.DataFrame
    contexts: np.ndarray
    states: np.ndarray

    @classmethod
    def empty(cls, width: int, size: int) -> "UserStates":
        """Nobody is known yet; contexts have `width` numbers, decoder states `size`."""
        frames = {name: pl.DataFrame(schema=schema) for name, schema in _FRAMES.items()}
        return cls(
            **frames,
            contexts=np.zeros((0, width), np.float32),
            states=np.zeros((0, size), np.float32),
        )


def exists(folder: Path) -> bool:
    """Whether there is a state to go on from.

    Raises:
        M6RecError: The folder holds something else.
    """
    if (folder / MANIFEST).exists():
        return True
    if folder.exists() and not folder.is_dir():
        raise M6RecError(
            "the state is a file where a directory is wanted",
            where=str(folder),
            hint="name a directory",
        )
    foreign = [p.name for p in folder.glob("*") if not _ours(p)]
    if foreign:
        raise M6RecError(
            "the state directory holds files that m6rec did not write",
            where=str(folder / min(foreign)),
            hint="name another `--state`",
        )
    return False


def read(folder: Path, run: str) -> UserStates:
    """The current generation.

    Args:
        run: Fingerprint of the run that is asked.

    Raises:
        M6RecError: It was made by another run or format, or is damaged.
    """
    manifest = read_json(folder / MANIFEST, "the state's manifest")
    if manifest.get("format") != FORMAT:
        raise M6RecError(
            f"the state has format {manifest.get('format')}, this version reads {FORMAT}",
            where=str(folder / MANIFEST),
            hint=_ANEW,
        )
    if manifest["run"] != run:
        raise M6RecError(
            "the state was made by another model: what a decoder remembers means nothing to another one",
            where=str(folder / MANIFEST),
            hint=_ANEW,
        )
    generation = folder / manifest["generation"]
    if not generation.is_dir() or digests.of_directory(generation) != manifest["sha256"]:
        raise M6RecError(
            "the state is damaged: its files are not those that were written",
            where=str(generation),
            hint=_ANEW,
        )
    frames = {
        name: pl.read_parquet(generation / f"{name}.parquet", memory_map=False) for name in _FRAMES
    }
    contexts, states = (np.load(generation / f"{name}.npy") for name in ("contexts", "states"))
    return UserStates(**frames, contexts=contexts, states=states)


def write(folder: Path, state: UserStates, run: str, counts: dict[str, Any]) -> None:
    """Put `state` in the place of the current generation, whole or not at all; the caller has claimed the folder before it read."""
    folder.mkdir(parents=True, exist_ok=True)
    before = (
        read_json(folder / MANIFEST, "the state's manifest")["generation"]
        if exists(folder)
        else "000000"
    )
    for path in folder.iterdir():
        # What an interrupted write left behind.
        if _ours(path) and path.name not in (before, MANIFEST):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    generation = folder / f"{int(before) + 1:06d}"
    with atomic_directory(generation, is_locked=True) as work:
        for name, schema in _FRAMES.items():
            getattr(state, name).select(*schema).cast(schema).write_parquet(
                work / f"{name}.parquet"
            )
        np.save(work / "contexts.npy", state.contexts)
        np.save(work / "states.npy", state.states)
    write_json(
        folder / MANIFEST,
        {
            "format": FORMAT,
            "run": run,
            "generation": generation.name,
            **counts,
            "sha256": digests.of_directory(generation),
        },
    )
    shutil.rmtree(folder / before, ignore_errors=True)


def _ours(path: Path) -> bool:
    unfinished = path.name.startswith(".") and ".writing-" in path.name
    return path.name.isdigit() or unfinished or path.name == MANIFEST
