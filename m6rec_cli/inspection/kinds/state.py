"""State directories of `m6rec recommend --state`."""

from pathlib import Path

from m6rec_cli.inspection import lineage
from m6rec_cli.inspection.description import Description, Figure
from m6rec_cli.inspection.json_files import Tree, read_object, table, text, whole
from m6rec_cli.inspection.verification import RecordedDigests
from m6rec_cli.system.output_checks import kind_of

MANIFEST = "state.json"


def recognises(path: Path) -> bool:
    """Whether it is a state directory."""
    return kind_of(path) == "state"


def describe(path: Path, *, verify: bool) -> Description:
    """Describe a state by its manifest; the command and the date are those of the last update."""
    manifest = read_object(path / MANIFEST)
    run = text(manifest, "run_path")
    return Description(
        kind="state",
        path=str(path),
        what="the decoder states of users",
        created=text(manifest, "created"),
        command=text(manifest, "command"),
        format=whole(manifest, "format"),
        figures=(figures := _figures(manifest)),
        columns=tuple(figures),
        inputs=()
        if run is None
        else (lineage.run_input(run, text(manifest, "run"), path, verify=verify),),
        details={"run_digest": text(manifest, "run")},
    )


def recorded_digests(path: Path) -> RecordedDigests:
    """The digests of the files of the generation."""
    manifest = read_object(path / MANIFEST)
    generation = path / (text(manifest, "generation") or "?")
    files = {generation / n: str(digest) for n, digest in table(manifest, "sha256").items()}
    return RecordedDigests(files=files, manifests=(path / MANIFEST,), folder=path)


def _figures(manifest: Tree) -> dict[str, Figure]:
    generation = text(manifest, "generation") or ""
    found: dict[str, Figure] = {
        "users": whole(manifest, "users"),
        "with a profile": whole(manifest, "profiles"),
        "updates": int(generation) if generation.isdigit() else None,
    }
    return {name: value for name, value in found.items() if value is not None}
