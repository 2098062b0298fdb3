"""Deliberate changes to sealed directories: the manifest vouches for the changed files again."""

import json
from pathlib import Path

from m6rec_cli.system import digests
from m6rec_cli.system.sealed_files import FILES, SEAL, SealedDirectory, write_sealed


def reseal(folder: Path, **changes: object) -> None:
    """Write the manifest of a data or run directory with changed facts and the present files."""
    path = next(p for p in (folder / "manifest.json", folder / "run.json") if p.exists())
    tree = {**json.loads(path.read_text()), **changes}
    del tree[SEAL]
    names = (
        tree[FILES] if path.name == "run.json" else digests.of_files(folder).keys() - {path.name}
    )
    tree[FILES] = {name: digests.of_file(folder / name) for name in sorted(names)}
    write_sealed(path, tree)


def vouch_for(folder: Path) -> SealedDirectory:
    """Any folder as a data directory whose files are as they should be."""
    return SealedDirectory(
        path=folder,
        manifest="manifest.json",
        files=digests.of_files(folder),
        seal="",
        what="data directory",
        hint="make it again",
    )


def run_facts(run: Path) -> dict[str, object]:
    """What `run.json` says beside the digests: the summary of the command that made the run."""
    tree = json.loads((run / "run.json").read_text())
    return {key: value for key, value in tree.items() if key not in (FILES, SEAL)}


def write_resealed(path: Path, tree: dict[str, object]) -> None:
    """Write a sealed file with other facts."""
    write_sealed(path, {key: value for key, value in tree.items() if key != SEAL})
