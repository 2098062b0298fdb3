"""Raw tables to a complete data directory: read, clean, split, fit on training rows, encode, write."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import polars as pl

from m6rec_cli.config.resolve import flatten
from m6rec_cli.config.settings import Config
from m6rec_cli.data.format import SPLITS, TRAIN
from m6rec_cli.data.manifest import FORMAT, MANIFEST
from m6rec_cli.preprocessing import (
    encode,
    entity_tables,
    event_log,
    event_rows,
    fingerprints,
    fit,
    schema_file,
)
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog, dropped_message
from m6rec_cli.preprocessing.cleaning.unknown_ids import WITHOUT_PROFILE, TablePaths
from m6rec_cli.preprocessing.frozen import encoding
from m6rec_cli.preprocessing.inputs import (
    InputTables,
    PreprocessInputs,
    open_tables,
    resolve_schema,
)
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system import digests
from m6rec_cli.system.directories import atomic_directory, write_json
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.output_checks import refuse_input_as_output, refuse_nonempty, require_writable
from m6rec_cli.system.progress import Reporter, Summary

_ROWS_PER_FILE = 10_000_000


def dry_run(config: Config, inputs: PreprocessInputs, report: Reporter) -> str:
    """The schema that a run would use, as TOML."""
    schema, left_out = resolve_schema(inputs, open_tables(inputs), config.data, report)
    schema = encoding.with_encoders(schema, config.data)
    return schema_file.to_toml(schema, left_out)


def run(
    config: Config,
    inputs: PreprocessInputs,
    output: Path,
    report: Reporter,
    *,
    overwrite: bool = False,
) -> Summary:
    """Make a data directory.

    Raises:
        M6RecError: An input cannot be read, does not fit the schema, or leaves nothing after cleaning.
    """
    started = time.monotonic()
    refuse_input_as_output(
        output,
        (path for path in (*inputs.files.values(), inputs.media, inputs.like) if path is not None),
    )
    refuse_nonempty(output, overwrite=overwrite)
    require_writable(output)
    opened = open_tables(inputs)
    schema, left_out = resolve_schema(inputs, opened, config.data, report)
    for column in (*schema.item_features, *schema.user_features):
        encode.require_extra(column)
    like = inputs.fitted
    schema = encoding.pin(schema if like else encoding.with_encoders(schema, config.data))
    cleaning = CleaningLog()
    of_tables = CleaningLog()
    items, users = _entities(inputs, opened, schema, of_tables)
    sources = TablePaths(
        opened.events.path, opened.items and opened.items.path, opened.users and opened.users.path
    )
    # The parsed events have no name here, so that they are gone as soon as they have become rows.
    log = event_rows.assemble(
        event_log.parse(opened.events, schema, label=inputs.positive, cleaning=cleaning).frame,
        items,
        users,
        schema,
        config.data,
        cleaning,
        sources,
        event_names=event_rows.read_event_names(like) if like else None,
        met_alone=inputs.items is None and inputs.items_from_interactions,
    )
    cleaning.rules += of_tables.rules
    log = _embedded(log, schema, inputs, report, cleaning)
    with atomic_directory(output, overwrite=overwrite) as work:
        for folder in ("events", "media", "features"):
            (work / folder).mkdir()
        specs = _fit(log, schema, config, like, work / "features")
        schema_text = schema_file.to_toml(schema)
        (work / "features" / schema_file.FILE).write_text(schema_text, encoding="utf-8")
        write_json(work / "features" / "features.json", [spec.to_json() for spec in specs])
        write_json(work / "features" / event_rows.EVENT_NAMES, log.event_names)
        _write_entity(log.items, specs, "item", work, inputs.media_root, cleaning, report)
        _write_entity(log.users, specs, "user", work, inputs.media_root, cleaning, report)
        for part, rows in enumerate(log.events.iter_slices(_ROWS_PER_FILE)):
            rows.write_parquet(work / "events" / f"part-{part:05d}.parquet")
        counts = log.counts()
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "schema": asdict(schema),
            "counts": counts,
            "cleaning": cleaning.rules,
            "split": config.data.split,
            "positive": inputs.positive,
            "events": log.event_names,
            "has_time": schema.has_time,
            "ties": log.ties,
            "inputs": fingerprints.input_files(inputs.files),
            "config": {f"data.{k}": v for k, v in flatten(asdict(config.data)).items()},
            "fingerprint": digests.of_directory(work),
        }
        write_json(work / MANIFEST, manifest)
    _tell(report, schema, left_out, cleaning, counts, log.ties, config.data.split)
    return {
        "counts": counts,
        "cleaning": cleaning.rules,
        "features": [
            {"entity": s.entity, "name": s.name, "kind": s.kind, "size": s.size, "length": s.length}
            for s in specs
        ],
        "split": config.data.split,
        "ties": log.ties,
        "has_time": schema.has_time,
        "events": log.event_names,
        "seconds": round(time.monotonic() - started, 2),
        "out": str(output),
    }


def _entities(
    inputs: PreprocessInputs, opened: InputTables, schema: Schema, cleaning: CleaningLog
) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
    items = users = None
    if opened.items:
        items = entity_tables.read_entity_table(opened.items, schema, "item", cleaning=cleaning)
    elif inputs.items_from_interactions:
        items = entity_tables.items_from_interactions(opened.events, schema)
    if opened.users:
        users = entity_tables.read_entity_table(opened.users, schema, "user", cleaning=cleaning)
    return items, users


def _embedded(
    log: event_rows.Log,
    schema: Schema,
    inputs: PreprocessInputs,
    report: Reporter,
    cleaning: CleaningLog,
) -> event_rows.Log:
    """The log with the vectors of frozen encoders beside the raw columns."""
    root = inputs.media_root
    items = encoding.embed(log.items, schema.item_features, root, "item", report, cleaning)
    users = encoding.embed(log.users, schema.user_features, root, "user", report, cleaning)
    return replace(log, items=items, users=users)


def _fit(
    log: event_rows.Log, schema: Schema, config: Config, like: Path | None, folder: Path
) -> tuple[FeatureSpec, ...]:
    """Fit on rows with training events, or take over the features of `--like`."""
    if like:
        return fit.reuse(like, folder)
    items = log.items.filter(pl.Series(log.item_popularity > 0))
    users = log.users.filter(pl.Series(log.user_popularity > 0))
    return fit.fit(items, users, schema, config.data, folder)


def _write_entity(
    frame: pl.DataFrame,
    specs: tuple[FeatureSpec, ...],
    entity: Any,
    work: Path,
    media_root: Path,
    cleaning: CleaningLog,
    report: Reporter,
) -> None:
    encoded, _ = encode.encode(
        frame,
        specs,
        work / "features",
        media_root,
        entity,
        media_out=work / "media",
        cleaning=cleaning,
        report=report,
    )
    own = ["id", "display", "popularity"] if entity == "item" else ["id"]
    table = frame.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"), *own)
    pl.concat([table, encoded], how="horizontal").write_parquet(work / f"{entity}s.parquet")


_SUSPICIOUS = ("unparseable rows", "no user id", "no item id", "no readable", "timestamp before")
_MANY = 0.05


def _doubt(report: Reporter, cleaning: CleaningLog, counts: dict[str, Any]) -> None:
    """Warn of what is more likely to be read wrongly than to be wrong in so many rows."""
    total = sum(counts["events"].values()) + sum(
        r.get("dropped", 0) for r in cleaning.rules if r["rule"].startswith("events:")
    )
    for rule in cleaning.rules:
        name = rule["rule"]
        if (
            name.startswith("events:")
            and any(word in name for word in _SUSPICIOUS)
            and rule.get("dropped", 0) > _MANY * total
        ):
            report.warn(
                f"{dropped_message(rule, total)}; is the column read as it is meant (`--dry-run`)?"
            )
        if name == WITHOUT_PROFILE and rule["changed"] > counts["users"] / 2:
            report.warn(
                f"{rule['changed']:,} of {counts['users']:,} users are not in the user table, first: "
                f"{', '.join(rule['examples'])}; are the ids of both tables written in the same way?"
            )


def _tell(
    report: Reporter,
    schema: Schema,
    left_out: dict[str, str],
    cleaning: CleaningLog,
    counts: dict[str, Any],
    ties: int,
    split: str,
) -> None:
    roles = [
        (role, getattr(schema, role))
        for role in ("user", "item", "event", "weight", "quantity", "price")
    ]
    time_role = schema.timestamp or "the order of the file"
    order = "" if schema.has_time or schema.timestamp is None else " (an order, no time)"
    roles.insert(2, ("timestamp", time_role + order))
    report.table("roles", ("role", "column"), [(role, column) for role, column in roles if column])
    shown = [
        (f"{entity}.{f.name}", f.kind)
        for entity, group in (("item", schema.item_features), ("user", schema.user_features))
        for f in group
    ]
    shown += [(name, f"left out: {reason}") for name, reason in left_out.items()]
    if shown:
        report.table("features", ("feature", "kind"), shown)
    report.table(
        "cleaning",
        ("rule", "dropped", "changed", "first"),
        [
            (r["rule"], r.get("dropped"), r.get("changed"), ", ".join(r["examples"]))
            for r in cleaning.rules
        ],
    )
    _doubt(report, cleaning, counts)
    kept, total = counts["events"][SPLITS[TRAIN]], sum(counts["events"].values())
    if kept < total / 5:
        why = (
            "a few events of a wrong time stretch it"
            if split == "temporal"
            else "look at the counts below"
        )
        report.warn(
            f"the split `{split}` leaves only {kept:,} of {total:,} events to train on; {why}"
        )
    report.table(
        "counts",
        ("what", "number"),
        [
            ("users", counts["users"]),
            ("items", counts["items"]),
            *((f"events: {s}", counts["events"][s]) for s in SPLITS),
            ("events at the same time as another of the user", ties),
        ],
    )
