"""Named arrays to Orbax checkpoints under `steps/` of a run directory, and back.

Orbax writes `steps/N/` and commits it by a rename. Then `steps/N.json` follows, the seal: the facts
about the step and a SHA-256 of each of its files, since Orbax would load a flipped bit without an
error. A step without a seal does not count; a step whose files differ from its seal is refused.
"""

import contextlib
import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from m6rec_cli.system import digests, process_group
from m6rec_cli.system.directories import fsync_tree
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.run_manifest import FORMAT
from m6rec_cli.system.sealed_files import read_sealed, write_sealed
from m6rec_cli.system.shapes import Leaf

NamedArrays = dict[str, Leaf]
"""The leaves of a pytree by name."""
SealFacts = dict[str, Any]  # Any: JSON
"""What a seal says beside its digests; `rows` has the rows of padded tables without padding."""

_HINT = "restore the run directory from a copy, or train again"
T = TypeVar("T")


def flatten_by_name(tree: object) -> NamedArrays:
    """The leaves of a pytree by unique names such as `encoder.items.towers.0.mlp.out.kernel`."""
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def unflatten_by_name(tree: T, arrays: Mapping[str, Leaf]) -> T:
    """The pytree of `tree`'s structure with the leaves of `arrays`."""
    paths, treedef = jax.tree_util.tree_flatten_with_path(tree)
    return jax.tree_util.tree_unflatten(treedef, [arrays[_name(path)] for path, _ in paths])


def _name(path: jax.tree_util.KeyPath) -> str:
    parts = [str(getattr(p, "key", getattr(p, "idx", getattr(p, "name", p)))) for p in path]
    return ".".join(part for part in parts if part != "value") or "value"


@dataclass(frozen=True)
class StepCheckpoints:
    """The checkpoints of one run, in `folder`."""

    folder: Path

    def save(
        self, step: int, trees: Mapping[str, NamedArrays], facts: SealFacts, *, keep: set[int]
    ) -> None:
        """Write a step and its seal, then remove all other steps but those in `keep`.

        All processes call it together.
        """
        from orbax.checkpoint import v1 as ocp

        path = self.folder / str(step)
        with process_group.first_process_writes() as may_write:
            if may_write:
                self._seal(step).unlink(missing_ok=True)
                shutil.rmtree(path, ignore_errors=True)
                self.folder.mkdir(parents=True, exist_ok=True)
        with _quiet_orbax():
            ocp.save_checkpointables(
                str(path.resolve()), {name: tree for name, tree in trees.items() if tree}
            )
        with process_group.first_process_writes() as may_write:
            if may_write:
                fsync_tree(path)  # before the seal, which vouches for it
                self._write_seal(step, {**facts, "sha256": _file_digests(path)}, keep)

    def update_seal(self, step: int, facts: SealFacts, *, keep: set[int]) -> None:
        """Replace facts in the seal of a step, then remove all other steps but those in `keep`."""
        with process_group.first_process_writes() as may_write:
            if may_write:
                self._write_seal(step, self.read_seal(step) | facts, keep)

    def _write_seal(self, step: int, facts: SealFacts, keep: set[int]) -> None:
        write_sealed(self._seal(step), {**facts, "format": FORMAT, "step": step})
        for other in self.sealed():
            if other != step and other not in keep:
                self._seal(other).unlink()
        self.remove_unsealed()

    def sealed(self) -> list[int]:
        """The complete steps in ascending order."""
        return sorted(int(p.stem) for p in self.folder.glob("*.json") if p.stem.isdigit())

    def remove_unsealed(self) -> None:
        """Remove the remains of interrupted saves and removed steps."""
        sealed = {str(step) for step in self.sealed()}
        for path in self.folder.iterdir() if self.folder.exists() else ():
            if path.is_dir() and path.name not in sealed:
                shutil.rmtree(path, ignore_errors=True)

    def read_seal(self, step: int) -> SealFacts:
        """Read the seal of a step.

        Raises:
            M6RecError: It is missing, damaged or of another format.
        """
        return read_sealed(
            self._seal(step),
            "a checkpoint's seal",
            owner="the checkpoint",
            version=FORMAT,
            old_hint="train again with this version, or use the one that wrote it",
            hint=_HINT,
        )

    def load_trees(
        self, step: int, targets: Mapping[str, NamedArrays]
    ) -> dict[str, dict[str, np.ndarray]]:
        """Read the trees in `targets` that are not empty there, as numpy arrays.

        Raises:
            M6RecError: A file is missing, truncated or changed, or names or shapes differ from the
                targets'.
        """
        wanted = {name: tree for name, tree in targets.items() if tree}
        found = self._read(step, set(wanted))
        for name, tree in wanted.items():
            check_shapes(self.folder / str(step) / name, tree, found[name])
        return found

    def tree_names(self, step: int) -> set[str]:
        """The names of the trees in a step."""
        return {Path(name).parts[0] for name in self.read_seal(step)["sha256"] if "/" in name}

    def read_tree(self, step: int, name: str) -> dict[str, np.ndarray]:
        """Read one tree of a step, whatever its names and shapes are.

        Raises:
            M6RecError: A file is missing, truncated or changed.
        """
        return self._read(step, {name})[name]

    def _read(self, step: int, names: set[str]) -> dict[str, dict[str, np.ndarray]]:
        """Read trees as numpy arrays, without the rows that padded their tables for a mesh."""
        from orbax.checkpoint import v1 as ocp

        path, seal = self.folder / str(step), self.read_seal(step)
        _verify(path, seal["sha256"])
        with _quiet_orbax():
            metadata = ocp.checkpointables_metadata(str(path.resolve())).metadata
            empty = {
                n: {k: np.empty(v.shape, v.dtype) for k, v in metadata[n].items()} for n in names
            }
            found = ocp.load_checkpointables(str(path.resolve()), empty)
        rows = seal.get("rows", {})
        return {
            name: {
                k: v[: rows.get(name, {}).get(k)] if np.ndim(v) else v
                for k, v in found[name].items()
            }
            for name in names
        }

    def _seal(self, step: int) -> Path:
        return self.folder / f"{step}.json"


def _file_digests(path: Path) -> dict[str, str]:
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return {p.relative_to(path).as_posix(): digests.of_file(p) for p in files}


def _verify(path: Path, sealed: dict[str, str]) -> None:
    for name, digest in sealed.items():
        file = path / name
        if not file.exists():
            raise M6RecError("a file of the checkpoint is missing", where=str(file), hint=_HINT)
        if digests.of_file(file) != digest:
            raise M6RecError(
                "a file of the checkpoint is damaged: its digest differs",
                where=str(file),
                hint=_HINT,
            )


def check_shapes(path: Path, wanted: Mapping[str, Leaf], found: Mapping[str, np.ndarray]) -> None:
    """Raise unless two trees of named arrays have the same names and shapes.

    Args:
        path: Where `found` was read, for the error.
    """
    unmatched = sorted(wanted.keys() ^ found.keys())
    if unmatched:
        raise M6RecError(
            f"the checkpoint belongs to another model: only one of the two has `{unmatched[0]}`",
            where=str(path),
            hint="use the `model.*` settings, the `train.optimizer` and the version of m6rec "
            "that wrote it",
        )
    for name, array in wanted.items():
        if tuple(array.shape) != tuple(found[name].shape):
            raise M6RecError(
                f"the checkpoint belongs to another model: `{name}` has shape "
                f"{tuple(found[name].shape)}, not {tuple(array.shape)}",
                where=str(path),
                hint="use the same data and `model.*` settings as the run that wrote it",
            )


@contextlib.contextmanager
def _quiet_orbax() -> Iterator[None]:
    """Silence Orbax, which logs its progress through the root logger."""
    logger = logging.getLogger()
    level, absl = logger.level, logging.getLogger("absl")
    absl_level = absl.level
    absl.setLevel(logging.ERROR)
    try:
        yield
    finally:
        absl.setLevel(absl_level)
        logger.setLevel(level)
