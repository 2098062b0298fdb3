"""Data directories of `m6rec preprocess`."""

from pathlib import Path

from m6rec_cli.data.manifest import MANIFEST
from m6rec_cli.inspection import lineage
from m6rec_cli.inspection.description import Description, Figure, Table
from m6rec_cli.inspection.json_files import (
    Tree,
    number,
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

_SCHEMA_LISTS = {"item": "item_features", "user": "user_features"}


def recognises(path: Path) -> bool:
    """Whether it is a data directory."""
    return kind_of(path) == "data"


def describe(path: Path, *, verify: bool) -> Description:
    """Describe a data directory by its manifest."""
    manifest = read_object(path / MANIFEST)
    cleaning = [rule for rule in objects(manifest, "cleaning") if _rows(rule)]
    features = _features(manifest)
    return Description(
        kind="data",
        path=str(path),
        what="a data directory",
        created=text(manifest, "created"),
        command=text(manifest, "command"),
        format=whole(manifest, "format"),
        figures=_figures(manifest, len(features)),
        columns=("users", "items", "events", "features", "split", "repeats"),
        inputs=lineage.raw_inputs(manifest, path, verify=verify),
        tables=(
            Table(
                title="features",
                columns=("of", "name", "kind"),
                rows=[[f["entity"], f["name"], f["kind"]] for f in features],
            ),
            Table(
                title="cleaning",
                columns=("rule", "rows or cells"),
                rows=[[text(rule, "rule"), _rows(rule)] for rule in cleaning],
            ),
        ),
        details={
            "features": features,
            "cleaning": cleaning,
            "event_kinds": texts(manifest, "event_kinds"),
            "fingerprints": texts(manifest, "fingerprints"),
            "config": table(manifest, "config"),
        },
    )


def recorded_digests(path: Path) -> RecordedDigests:
    """The digests of all files of the directory."""
    files = listed_files(path, read_object(path / MANIFEST))
    return RecordedDigests(files=files, manifests=(path / MANIFEST,), folder=path)


def _figures(manifest: Tree, n_features: int) -> dict[str, Figure]:
    counts = table(manifest, "counts")
    events, targets = table(counts, "events"), table(counts, "targets")
    split = {name: whole(events, name) for name in events}
    found: dict[str, Figure] = {
        "users": whole(counts, "users"),
        "items": whole(counts, "items"),
        "events": sum(n for n in split.values() if n is not None),
        **{f"{name} events": n for name, n in split.items() if n},
        **{f"{name} targets": whole(targets, name) for name in targets if targets[name]},
        "features": n_features,
        "split": text(manifest, "split"),
        "positive": text(manifest, "positive"),
        "repeats": number(manifest, "repeats"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _features(manifest: Tree) -> list[dict[str, Figure]]:
    schema = table(manifest, "schema")
    return [
        {"entity": entity, "name": text(column, "name"), "kind": text(column, "kind")}
        for entity, name in _SCHEMA_LISTS.items()
        for column in objects(schema, name)
    ]


def _rows(rule: Tree) -> int | None:
    return whole(rule, "dropped") or whole(rule, "changed")
