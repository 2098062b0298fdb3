"""Open tables to a data directory: read, clean, split, fit on training rows, encode, write."""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl

from m6rec_cli.config.resolve import flatten
from m6rec_cli.config.settings import Config
from m6rec_cli.data.manifest import DataManifest, write_manifest
from m6rec_cli.preprocessing import (
    data_tables,
    encode,
    entity_tables,
    event_log,
    fingerprints,
    fit,
    further_items,
    overview,
    schema_file,
    schema_toml,
)
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.cleaning.unknown_ids import TablePaths
from m6rec_cli.preprocessing.column_overview import resolve_and_show
from m6rec_cli.preprocessing.data_tables import DataTables
from m6rec_cli.preprocessing.event_files import EventFiles
from m6rec_cli.preprocessing.event_kinds import EVENT_KINDS, read_event_kinds
from m6rec_cli.preprocessing.frozen import encoding
from m6rec_cli.preprocessing.further_items import FurtherItems
from m6rec_cli.preprocessing.inputs import InputTables, PreprocessInputs, open_tables
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system import digests, provenance
from m6rec_cli.system.directories import atomic_directory, write_json
from m6rec_cli.system.feature_spec import Entity, FeatureSpec
from m6rec_cli.system.output_checks import (
    refuse_input_as_output,
    refuse_nonempty,
    require_writable,
)
from m6rec_cli.system.progress import Reporter, Summary
from m6rec_cli.system.sealed_files import SealedDirectory
from m6rec_cli.system.temporary import temporary_folder


def write_data_directory(
    config: Config,
    inputs: PreprocessInputs,
    output: Path,
    report: Reporter,
    *,
    overwrite: bool = False,
) -> Summary:
    """Make a data directory.

    Raises:
        M6RecError: An input cannot be read, does not fit the schema, or has no event left after
            cleaning.
    """
    started = time.monotonic()
    refuse_input_as_output(output, inputs.paths)
    refuse_nonempty(output, kind="data", overwrite=overwrite)
    require_writable(output)
    tables = open_tables(inputs)
    schema, _ = resolve_and_show(inputs, tables, config.data, report)
    for column in (*schema.item_features, *schema.user_features):
        encode.require_extra(column)
    schema = encoding.pin_encoders(schema)
    cleaning = CleaningLog()
    report.status("reading and cleaning events")
    with (
        temporary_folder() as folder,
        atomic_directory(output, kind="data", overwrite=overwrite, report=report) as work,
    ):
        for part in ("events", "media", "features"):
            (work / part).mkdir()
        data = _read(config, inputs, tables, schema, cleaning, folder, work / "events")
        data = _with_frozen_vectors(data, schema, inputs, report, cleaning)
        report.status("fitting and encoding features")
        further = [
            further_items.read_further_items(table, path, schema, data.items)
            for table, path in zip(tables.fit_with, inputs.fit_with, strict=True)
        ]
        n_fitted = int((data.items["popularity"] > 0).sum())
        further_items.show(further, n_fitted, schema, report)
        specs = _fit(data, schema, config, inputs.fitted, work / "features", further)
        if inputs.fitted:
            inputs.fitted.require_unchanged()
        _write_state(work / "features", schema, specs, data.event_kinds)
        for entity in ("item", "user"):
            _write_entity(data, specs, entity, work, inputs.media_root, cleaning, report)
        files = digests.of_files(work)
        manifest = DataManifest(
            schema=asdict(schema),
            counts=data.counts.for_manifest(len(data.users), len(data.items)),
            cleaning=cleaning.rules,
            split=config.data.split,
            positive=inputs.positive,
            event_kinds=tuple(data.event_kinds),
            has_time=schema.has_time,
            ties=data.counts.ties,
            repeats=data.counts.repeats,
            inputs=fingerprints.input_files(inputs.files),
            config={f"data.{k}": v for k, v in flatten(asdict(config.data)).items()},
            fingerprints=(digests.of_listing(files),),
            files=files,
            **asdict(provenance.current()),
        )
        write_manifest(work, manifest)
    overview.show(report, manifest, data.counts.tied_users)
    return {
        "counts": asdict(manifest.counts),
        "cleaning": [rule.to_json() for rule in manifest.cleaning],
        "features": [
            {"entity": s.entity, "name": s.name, "kind": s.kind, "size": s.size, "length": s.length}
            for s in specs
        ],
        **({"fitted_with": [one.to_json() for one in further]} if further else {}),
        "split": manifest.split,
        "ties": manifest.ties,
        "tied_users": data.counts.tied_users,
        "repeats": manifest.repeats,
        "has_time": manifest.has_time,
        "events": data.event_kinds,
        "seconds": round(time.monotonic() - started, 2),
        "out": str(output),
    }


def _read(
    config: Config,
    inputs: PreprocessInputs,
    tables: InputTables,
    schema: Schema,
    cleaning: CleaningLog,
    folder: Path,
    events: Path,
) -> DataTables:
    """Read, clean, number and split, and write the events.

    The cleaning log has the rules of events first.

    Args:
        folder: A temporary folder.
        events: Where the events are written.
    """
    entity_rules = CleaningLog()
    items = users = None
    if tables.items:
        items = entity_tables.read_entity_table(tables.items, schema, "item", cleaning=entity_rules)
    elif inputs.items_from_interactions:
        items = entity_tables.items_from_interactions(tables.events, schema)
    if tables.users:
        users = entity_tables.read_entity_table(tables.users, schema, "user", cleaning=entity_rules)
    data = data_tables.assemble(
        event_log.open_log(tables.events, schema, folder, label=inputs.positive, cleaning=cleaning),
        items,
        users,
        config.data,
        TablePaths(
            events=tables.events.path,
            items=tables.items and tables.items.path,
            users=tables.users and tables.users.path,
        ),
        folder,
        EventFiles(events),
        event_kinds=read_event_kinds(inputs.fitted.path / "features") if inputs.fitted else None,
        drop_items_without_events=inputs.items is None and inputs.items_from_interactions,
    )
    cleaning.rules += entity_rules.rules
    return data


def _with_frozen_vectors(
    data: DataTables,
    schema: Schema,
    inputs: PreprocessInputs,
    report: Reporter,
    cleaning: CleaningLog,
) -> DataTables:
    """Add the vectors of frozen encoders to the raw columns."""
    root = inputs.media_root
    items = encoding.add_vectors(data.items, schema.item_features, root, "item", report, cleaning)
    users = encoding.add_vectors(data.users, schema.user_features, root, "user", report, cleaning)
    return replace(data, items=items, users=users)


def _fit(
    data: DataTables,
    schema: Schema,
    config: Config,
    fitted: SealedDirectory | None,
    folder: Path,
    further: Sequence[FurtherItems],
) -> tuple[FeatureSpec, ...]:
    """Fit features on rows with training events and on `further`, or reuse those of `--like`."""
    if fitted:
        return fit.reuse_features(fitted, folder)
    items = data.items.filter(pl.col("popularity") > 0)
    users = data.users.filter(pl.Series(data.counts.user_events > 0))
    return fit.fit_features(items, users, schema, config.data, folder, further)


def _write_state(
    folder: Path, schema: Schema, specs: tuple[FeatureSpec, ...], event_kinds: list[str]
) -> None:
    """Write what is needed to read and encode raw files in the same way later."""
    (folder / schema_file.FILE).write_text(schema_toml.to_toml(schema), encoding="utf-8")
    write_json(folder / "features.json", [spec.to_json() for spec in specs])
    write_json(folder / EVENT_KINDS, event_kinds)


def _write_entity(
    data: DataTables,
    specs: tuple[FeatureSpec, ...],
    entity: Entity,
    work: Path,
    media_root: Path,
    cleaning: CleaningLog,
    report: Reporter,
) -> None:
    """Encode the features of items or users and write their table."""
    frame = data.items if entity == "item" else data.users
    encoded, _ = encode.encode_features(
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
