"""Run directories: Orbax checkpoints under `steps/`, each with a seal of digests; `run.json` comes last.

`steps/N/` is written by Orbax, which commits by a rename. `steps/N.json`, the seal, follows: it holds the
loop's state, if training can go on from the step, and a SHA-256 of every file of it, since a flipped bit in an array file would load
without a word. A step without its seal does not exist for us; one whose files differ from it is refused.
"""

import contextlib
import hashlib
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from m6rec_cli.system import process_group
from m6rec_cli.system.directories import fsync_tree, read_json, write_json
from m6rec_cli.system.errors import M6RecError, missing_path_hint
from m6rec_cli.system.output_checks import MANIFESTS

FORMAT = 5
RUN = "run.json"
CONFIG = "config.toml"

NamedArrays = dict[str, Any]
"""A flat tree: name of the leaf to its array."""


def flatten_by_name(tree: Any) -> NamedArrays:
    """The leaves of a pytree by readable, unique names (`encoder.items.towers.0.mlp.out.kernel`)."""
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def unflatten_by_name(tree: Any, arrays: NamedArrays) -> Any:
    """The pytree of `tree`'s structure with the leaves of `arrays`."""
    paths, treedef = jax.tree_util.tree_flatten_with_path(tree)
    return jax.tree_util.tree_unflatten(treedef, [arrays[_name(path)] for path, _ in paths])


def _name(path: tuple[Any, ...]) -> str:
    parts = [str(getattr(p, "key", getattr(p, "idx", getattr(p, "name", p)))) for p in path]
    return ".".join(part for part in parts if part != "value") or "value"


@dataclass(frozen=True)
class StepCheckpoints:
    """The checkpoints of one run."""

    folder: Path

    def save(
        self, step: int, trees: dict[str, NamedArrays], meta: dict[str, Any], *, keep: set[int]
    ) -> None:
        """Write a step and its seal, then drop the steps that are not in `keep`; all processes call it together."""
        from orbax.checkpoint import v1 as ocp

        path = self.folder / str(step)
        with process_group.first_process_writes() as may_write:
            if may_write:
                _seal(self.folder, step).unlink(missing_ok=True)
                shutil.rmtree(path, ignore_errors=True)
                self.folder.mkdir(parents=True, exist_ok=True)
        with _quiet():
            ocp.save_checkpointables(
                str(path.resolve()), {name: tree for name, tree in trees.items() if tree}
            )
        with process_group.first_process_writes() as may_write:
            if may_write:
                fsync_tree(path)  # before the seal, which vouches for it
                self._put_seal(step, {**meta, "sha256": _digests(path)}, keep)

    def update_seal(self, step: int, meta: dict[str, Any], *, keep: set[int]) -> None:
        """Say something else of a step that is written, then drop the steps that are not in `keep`."""
        with process_group.first_process_writes() as may_write:
            if may_write:
                self._put_seal(step, self.read_seal(step) | meta, keep)

    def _put_seal(self, step: int, meta: dict[str, Any], keep: set[int]) -> None:
        write_json(_seal(self.folder, step), {"format": FORMAT, "step": step, **meta})
        for other in self.sealed():
            if other != step and other not in keep:
                _seal(self.folder, other).unlink()
        self.remove_unsealed()

    def sealed(self) -> list[int]:
        """Complete steps, in order."""
        return sorted(int(p.stem) for p in self.folder.glob("*.json") if p.stem.isdigit())

    def remove_unsealed(self) -> None:
        """Remove what an interrupted save left behind."""
        sealed = {str(step) for step in self.sealed()}
        for path in self.folder.iterdir() if self.folder.exists() else ():
            if path.is_dir() and path.name not in sealed:
                shutil.rmtree(path, ignore_errors=True)

    def read_seal(self, step: int) -> dict[str, Any]:
        """What the seal of a step says."""
        return read_json(_seal(self.folder, step), "a checkpoint's seal")

    def load_trees(self, step: int, targets: dict[str, NamedArrays]) -> dict[str, NamedArrays]:
        """Read some trees of a step as numpy arrays of the targets' shapes.

        Raises:
            M6RecError: A file is missing, truncated or changed, or the arrays are another model's.
        """
        path = self.folder / str(step)
        wanted = {name: tree for name, tree in targets.items() if tree}
        found = self._read(step, set(wanted))
        for name, tree in wanted.items():
            check_shapes(path / name, tree, found[name])
        return found

    def tree_names(self, step: int) -> set[str]:
        """The names of the trees of a step."""
        return {Path(name).parts[0] for name in self.read_seal(step)["sha256"] if "/" in name}

    def read_tree(self, step: int, name: str) -> NamedArrays:
        """One whole tree of a step, in whatever shapes it has."""
        return self._read(step, {name})[name]

    def _read(self, step: int, names: set[str]) -> dict[str, NamedArrays]:
        """Trees as numpy arrays; tables that a mesh had filled up to a round number of rows without the filling."""
        from orbax.checkpoint import v1 as ocp

        path, meta = self.folder / str(step), self.read_seal(step)
        _verify(path, meta["sha256"])
        with _quiet():
            metadata = ocp.checkpointables_metadata(str(path.resolve())).metadata
            empty = {
                n: {k: np.empty(v.shape, v.dtype) for k, v in metadata[n].items()} for n in names
            }
            found = ocp.load_checkpointables(str(path.resolve()), empty)
        rows = meta.get("rows", {})
        return {
            name: {
                k: v[: rows.get(name, {}).get(k)] if np.ndim(v) else v
                for k, v in found[name].items()
            }
            for name in names
        }


def _seal(folder: Path, step: int) -> Path:
    return folder / f"{step}.json"


def _digests(path: Path) -> dict[str, str]:
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return {p.relative_to(path).as_posix(): _digest(p) for p in files}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(path: Path, sealed: dict[str, str]) -> None:
    hint = "restore the run directory from a copy, or train again"
    for name, digest in sealed.items():
        file = path / name
        if not file.exists():
            raise M6RecError("a file of the checkpoint is missing", where=str(file), hint=hint)
        if _digest(file) != digest:
            raise M6RecError(
                "a file of the checkpoint is damaged: its digest differs",
                where=str(file),
                hint=hint,
            )


def check_shapes(path: Path, wanted: NamedArrays, found: Any) -> None:
    """Raise unless two flat trees have the same names and shapes."""
    missing = sorted(wanted.keys() ^ found.keys())
    if missing:
        raise M6RecError(
            f"the checkpoint is another model's: only one of the two has `{missing[0]}`",
            where=str(path),
            hint="use the `model.*` settings, the `train.optimizer` and the version of m6rec that wrote it",
        )
    for name, array in wanted.items():
        if tuple(array.shape) != tuple(found[name].shape):
            raise M6RecError(
                f"the checkpoint is another model's: `{name}` has shape {tuple(found[name].shape)}, "
                f"not {tuple(array.shape)}",
                where=str(path),
                hint="use the same data and `model.*` settings as the run that wrote it",
            )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Orbax logs its progress through the root logger; a user reads ours."""
    logger = logging.getLogger()
    level, absl = logger.level, logging.getLogger("absl")
    absl_level = absl.level
    absl.setLevel(logging.ERROR)
    try:
        yield
    finally:
        absl.setLevel(absl_level)
        logger.setLevel(level)


def open_run(path: Path) -> dict[str, Any]:
    """The `run.json` of a finished run.

    Raises:
        M6RecError: The directory is missing, is no run, or its training did not finish.
    """
    if not path.exists():
        raise M6RecError(
            "the run directory does not exist",
            where=str(path),
            hint=missing_path_hint(path) or "make it with `m6rec pretrain`",
        )
    if not (path / RUN).exists():
        if (path / CONFIG).exists():
            raise M6RecError(
                "the run has not finished",
                where=str(path / RUN),
                hint="go on with the same command and `--resume`",
            )
        what = (
            "a data directory is given where a run directory is wanted"
            if (path / MANIFESTS[0]).exists()
            else ("this is not a run directory")
        )
        raise M6RecError(
            what, where=str(path), hint="name the `--out` of `m6rec pretrain` or `m6rec finetune`"
        )
    run = read_json(path / RUN, "the run's manifest")
    if run.get("format") != FORMAT:
        raise M6RecError(
            f"the run has format {run.get('format')}, this version reads {FORMAT}",
            where=str(path / RUN),
            hint="train again with this version, or use the one that wrote it (`versions` in the file)",
        )
    return run
