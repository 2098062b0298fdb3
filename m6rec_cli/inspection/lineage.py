"""Recorded inputs of an output to the inputs as they are now, down to the raw files."""

from collections.abc import Iterator
from pathlib import Path

from m6rec_cli.inspection.description import Input, InputState
from m6rec_cli.inspection.json_files import Tree, objects, read_object, table, text, texts, whole
from m6rec_cli.system import digests
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.sealed_files import SEAL

_MOST_STEPS = 20
"""Runs that follow one another; a damaged file could name itself as its own input."""


def raw_inputs(manifest: Tree, near: Path, *, verify: bool) -> tuple[Input, ...]:
    """The raw files that a data directory was made from.

    Args:
        manifest: `manifest.json`, or the `run.json` of a run on it.
        near: The directory of the manifest; files are looked for in the working directory, then
            beside it.
        verify: Compare digests, not sizes alone.
    """
    return tuple(_raw_input(file, near, verify=verify) for file in objects(manifest, "inputs"))


def _raw_input(file: Tree, near: Path, *, verify: bool) -> Input:
    path, size, digest = text(file, "path") or "?", whole(file, "bytes"), text(file, "sha256")
    return Input(
        role=text(file, "role") or "table",
        path=path,
        state=_raw_state(locate(path, near), size, digest, verify=verify),
        bytes=size,
        sha256=digest,
    )


def _raw_state(
    found: Path | None, size: int | None, digest: str | None, *, verify: bool
) -> InputState:
    if size is None:
        return "not checked"  # a table in a database or on another machine
    if found is None:
        return "missing"
    if found.stat().st_size != size:
        return "changed"
    if not verify or digest is None:
        return "same size"
    return "same" if digests.of_file(found) == digest else "changed"


def data_input(path: str, fingerprint: str | None, near: Path, *, verify: bool) -> Input:
    """The data directory that an output was made from.

    Args:
        fingerprint: The recorded one.
        near: The output.
        verify: Compare the digests of its raw files.
    """
    found = locate(path, near)
    manifest = _read(found, "manifest.json")
    if found is None or manifest is None:
        return Input(role="data", path=path, state="missing")
    state: InputState = "not checked"
    if fingerprint is not None:
        state = "same" if fingerprint in texts(manifest, "fingerprints") else "changed"
    inputs = () if state == "changed" else raw_inputs(manifest, found, verify=verify)
    return Input(role="data", path=path, state=state, inputs=inputs)


def run_inputs(run: Tree, origin: Tree, near: Path, *, verify: bool) -> tuple[Input, ...]:
    """The data directories and the parent of a run.

    Args:
        run: `run.json`.
        origin: `origin.json`, which identifies the parent; an empty object without one.
        near: The run directory.
        verify: Compare the digests of raw files.
    """
    return tuple(_run_inputs(run, origin, near, verify=verify, steps=0))


def _run_inputs(
    run: Tree, origin: Tree, near: Path, *, verify: bool, steps: int
) -> Iterator[Input]:
    fingerprints: list[str | None] = [*texts(run, "data_fingerprints")]
    data = texts(run, "data")
    fingerprints += [None] * (len(data) - len(fingerprints))
    found = [
        data_input(path, fingerprint, near, verify=verify)
        for path, fingerprint in zip(data, fingerprints, strict=False)
    ]
    yield from found
    if any(directory.state in ("missing", "changed") for directory in found):
        yield from raw_inputs(run, near, verify=verify)  # the run records them, too
    if (parent := text(run, "parent")) is not None and steps < _MOST_STEPS:
        facts = table(origin, "parent")
        yield _run_input(parent, facts, near, role="parent", verify=verify, steps=steps + 1)


def run_input(path: str, seal: str | None, near: Path, *, verify: bool) -> Input:
    """A run that an output was made from.

    Args:
        seal: The digest of its manifest; None if the output does not record it.
    """
    facts: Tree = {} if seal is None else {SEAL: seal}
    return _run_input(path, facts, near, role="run", verify=verify, steps=0)


def _run_input(path: str, facts: Tree, near: Path, *, role: str, verify: bool, steps: int) -> Input:
    found = locate(path, near)
    run = _read(found, "run.json")
    if found is None or run is None:
        return Input(role=role, path=path, state="missing")
    state: InputState = "not checked"
    if facts:
        state = "same" if all(run.get(name) == facts[name] for name in facts) else "changed"
    inputs: tuple[Input, ...] = ()
    if state != "changed":
        origin = _read(found, "origin.json") or {}
        inputs = tuple(_run_inputs(run, origin, found, verify=verify, steps=steps))
    return Input(role=role, path=path, state=state, inputs=inputs)


def file_input(role: str, path: str, near: Path) -> Input:
    """A file of which nothing but the path is recorded."""
    return Input(
        role=role, path=path, state="not checked" if locate(path, near) is not None else "missing"
    )


def locate(path: str, near: Path) -> Path | None:
    """Where a recorded path lies now: as it is named, else beside `near`; None if nowhere.

    An output that was moved together with its inputs finds them beside itself.
    """
    named = Path(path)
    beside = near.resolve().parent
    for found in (named, beside / named, beside / named.name):
        if found.exists():
            return found
    return None


def _read(folder: Path | None, name: str) -> Tree | None:
    """A manifest of an input; None if it is missing or damaged."""
    if folder is None or not folder.is_dir():
        return None
    try:
        return read_object(folder / name)
    except M6RecError:
        return None
