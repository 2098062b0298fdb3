"""Export directories of `m6rec export`."""

from pathlib import Path

from m6rec_cli.inspection import lineage
from m6rec_cli.inspection.description import Description, Figure, Input, Table
from m6rec_cli.inspection.json_files import (
    Tree,
    objects,
    read_object,
    table,
    text,
    texts,
    whole,
)
from m6rec_cli.inspection.kinds._base import listed_files
from m6rec_cli.inspection.verification import RecordedDigests
from m6rec_cli.system.output_checks import kind_of

MANIFEST = "export.json"


def recognises(path: Path) -> bool:
    """Whether it is an export."""
    return kind_of(path) == "export"


def describe(path: Path, *, verify: bool) -> Description:
    """Describe an export by its manifest."""
    manifest = read_object(path / MANIFEST)
    function = table(manifest, "function")
    return Description(
        kind="export",
        path=str(path),
        what="a run exported for servers",
        created=text(manifest, "created"),
        command=text(manifest, "command"),
        version=text(manifest, "version"),
        format=whole(manifest, "format"),
        figures=(figures := _figures(manifest, function)),
        columns=tuple(figures),
        inputs=tuple(_inputs(manifest, path, verify=verify)),
        tables=(
            Table(
                title="inputs of the scoring function, in the order of the call",
                columns=("name", "shape", "dtype"),
                rows=[
                    [text(one, "name"), _shape(one), text(one, "dtype")]
                    for one in objects(function, "inputs")
                ],
            ),
            Table(
                title="item graphs",
                columns=("file", "links"),
                rows=[
                    [text(one, "name"), whole(one, "links")] for one in objects(manifest, "graphs")
                ],
            ),
        ),
        details={"function": function, "vectors": table(manifest, "vectors")},
    )


def recorded_digests(path: Path) -> RecordedDigests:
    """The digests of all files of the directory."""
    files = listed_files(path, read_object(path / MANIFEST))
    return RecordedDigests(files=files, manifests=(path / MANIFEST,), folder=path)


def _figures(manifest: Tree, function: Tree) -> dict[str, Figure]:
    found: dict[str, Figure] = {
        "items": whole(manifest, "items"),
        "users": whole(manifest, "users"),
        "width": whole(table(manifest, "vectors"), "width"),
        "platforms": ", ".join(texts(function, "platforms")) or None,
        "jax": text(table(manifest, "versions"), "jax"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _inputs(manifest: Tree, path: Path, *, verify: bool) -> list[Input]:
    found = []
    if (data := text(manifest, "data")) is not None:
        fingerprint = text(manifest, "data_fingerprint")
        found.append(lineage.data_input(data, fingerprint, path, verify=verify))
    if (run := text(manifest, "run")) is not None:
        found.append(lineage.run_input(run, text(manifest, "run_digest"), path, verify=verify))
    return found


def _shape(one: Tree) -> str:
    shape = one.get("shape")
    return " × ".join(map(str, shape)) if isinstance(shape, list) else "?"
