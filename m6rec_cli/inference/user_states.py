"""A state directory: the decoder state of every user between two runs of `recommend --state`.

`state.json` names one complete generation, a numbered folder. A write adds the next generation,
renames the new `state.json` into place and removes the old generation: a crash at any moment leaves
one of the two. Before the first generation it names none, so that a folder which lost the file is
not taken for a new one. A generation holds

- `users.parquet`: `id` str, `profile` u64 (see `profile_digests`; 0 without a profile);
- `contexts.npy` f32 (users, d) and `states.npy` f32 (users, s), after each user's last event;
- `events.parquet`: `user` and `item` u32 (rows of the tables here), `timestamp` i64, `event` u8:
  the last events of each user, as many as a full pass reads, sorted by user and time;
- `older.parquet`: `user` and `item` u32, distinct pairs of the events before these;
- `items.parquet`: `id` str, `known` bool (in the catalogue), `embedding` list of f32 (of items that
  the run itself does not hold, else null);
- `changed.parquet`: `user` u32, the users that the last update changed. With the digest of that
  update's events (`night` in `state.json`) a repeated command lists them again: a command that is
  killed after this commit loses no lists.
"""

import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.system import digests, provenance
from m6rec_cli.system.directories import atomic_directory
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.sealed_files import SEAL, read_sealed, write_sealed

FORMAT = 3
MANIFEST = "state.json"
_FRAMES = {
    "users": {"id": pl.String, "profile": pl.UInt64},
    "events": {"user": pl.UInt32, "item": pl.UInt32, "timestamp": pl.Int64, "event": pl.UInt8},
    "older": {"user": pl.UInt32, "item": pl.UInt32},
    "items": {"id": pl.String, "known": pl.Boolean, "embedding": pl.List(pl.Float32)},
    "changed": {"user": pl.UInt32},
}
_START_AGAIN = "delete the state or pass another `--state`, and pass the whole log once"


@dataclass(frozen=True, kw_only=True)
class UserStates:
    """A generation in memory; the frames have the columns of the files.

    Attributes:
        night: A digest of the events of the last update, see `event_merge.digest_events`.
    """

    users: pl.DataFrame
    events: pl.DataFrame
    older: pl.DataFrame
    items: pl.DataFrame
    changed: pl.DataFrame
    contexts: np.ndarray
    states: np.ndarray
    night: str

    @classmethod
    def empty(cls, width: int, state_size: int) -> "UserStates":
        """States of no users.

        Args:
            width: The length of a context.
            state_size: The length of a decoder state.
        """
        frames = {name: pl.DataFrame(schema=schema) for name, schema in _FRAMES.items()}
        return cls(
            **frames,
            contexts=np.zeros((0, width), np.float32),
            states=np.zeros((0, state_size), np.float32),
            night="",
        )


@dataclass(frozen=True, kw_only=True)
class StateManifest:
    """What `state.json` holds.

    Attributes:
        run: `LoadedRun.digest` of the run that made the states.
        run_path: Its path.
        generation: The name of the current generation's folder; empty before the first.
        users: How many users it holds.
        profiles: How many of them have a profile.
        sha256: A digest of each of the generation's files.
        night: A digest of the events of the last update.
        created: When the last update was written, see `Provenance`.
        command: The command line of the last update.
        format: The version of the layout.
    """

    run: str
    generation: str
    users: int
    profiles: int
    sha256: dict[str, str]
    night: str = ""
    run_path: str | None = None
    created: str | None = None
    command: str | None = None
    format: int = FORMAT


def has_states(folder: Path) -> bool:
    """Whether the folder holds states.

    Raises:
        M6RecError: The folder holds other files, or its `state.json` is damaged or lost.
    """
    if (folder / MANIFEST).exists():
        return _read_manifest(folder).generation != ""
    if folder.exists() and not folder.is_dir():
        raise M6RecError(
            "the state is a file where a directory is wanted",
            where=str(folder),
            hint="name a directory",
        )
    foreign = [p.name for p in folder.glob("*") if not _is_ours(p)]
    if foreign:
        raise M6RecError(
            "the state directory holds files that m6rec did not write",
            where=str(folder / min(foreign)),
            hint="pass another `--state`",
        )
    if generations := [p.name for p in folder.glob("*") if p.name.isdigit()]:
        raise M6RecError(
            f"the state is damaged: `{MANIFEST}` is missing, and there are states in "
            f"`{max(generations)}`",
            where=str(folder / MANIFEST),
            hint=f"put the file back, or {_START_AGAIN}",
        )
    return False


def read_states(folder: Path, run_digest: str) -> UserStates:
    """Read the current generation.

    Args:
        run_digest: `LoadedRun.digest` of the run that goes on from the states.

    Raises:
        M6RecError: The states are another run's, of another format, or damaged.
    """
    manifest = _read_manifest(folder)
    if manifest.run != run_digest:
        raise M6RecError(
            "the state was made by another model: its decoder states do not fit this run",
            where=str(folder / MANIFEST),
            hint=_START_AGAIN,
        )
    generation = folder / manifest.generation
    found = digests.of_files(generation)
    if damaged := {n for n in found | manifest.sha256 if found.get(n) != manifest.sha256.get(n)}:
        raise M6RecError(
            "the state is damaged: a file is not the one that was written",
            where=str(generation / min(damaged)),
            hint=_START_AGAIN,
        )
    frames = {
        name: pl.read_parquet(generation / f"{name}.parquet", memory_map=False) for name in _FRAMES
    }
    contexts, states = (np.load(generation / f"{name}.npy") for name in ("contexts", "states"))
    return UserStates(**frames, contexts=contexts, states=states, night=manifest.night)


def write_states(
    folder: Path, states: UserStates, run_digest: str, run_path: Path | None = None
) -> None:
    """Replace the current generation, whole or not at all.

    The caller holds the lock of the folder since before it read the old generation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = _read_manifest(folder).generation if has_states(folder) else "000000"
    facts = StateManifest(run=run_digest, generation="", users=0, profiles=0, sha256={})
    if not (folder / MANIFEST).exists():
        write_sealed(folder / MANIFEST, asdict(facts))
    _remove_all_but(folder, before)
    generation = folder / f"{int(before) + 1:06d}"
    with atomic_directory(generation, kind="state", is_locked=True) as work:
        for name, schema in _FRAMES.items():
            frame: pl.DataFrame = getattr(states, name)
            frame.select(*schema).cast(schema).write_parquet(work / f"{name}.parquet")
        np.save(work / "contexts.npy", states.contexts)
        np.save(work / "states.npy", states.states)
    manifest = replace(
        facts,
        run=run_digest,
        generation=generation.name,
        users=len(states.users),
        profiles=int((states.users["profile"] != 0).sum()),
        sha256=digests.of_files(generation),
        night=states.night,
        run_path=None if run_path is None else str(run_path),
        **asdict(provenance.current()),
    )
    write_sealed(folder / MANIFEST, asdict(manifest))
    shutil.rmtree(folder / before, ignore_errors=True)


def _read_manifest(folder: Path) -> StateManifest:
    path = folder / MANIFEST
    tree = read_sealed(
        path,
        "the state's manifest",
        owner="the state",
        version=FORMAT,
        old_hint=_START_AGAIN,
        hint=_START_AGAIN,
    )
    try:
        return StateManifest(**{key: value for key, value in tree.items() if key != SEAL})
    except TypeError as error:
        raise M6RecError(
            f"the state's manifest is damaged: {error}", where=str(path), hint=_START_AGAIN
        ) from None


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed write left behind; the caller holds the lock of the folder."""
    _remove_all_but(folder, _read_manifest(folder).generation)


def _remove_all_but(folder: Path, current: str) -> None:
    for path in folder.iterdir():
        if _is_ours(path) and path.name not in (current, MANIFEST):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_ours(path: Path) -> bool:
    unfinished = path.name.startswith(".") and (".writing-" in path.name or ".new-" in path.name)
    return path.name.isdigit() or unfinished or path.name == MANIFEST
