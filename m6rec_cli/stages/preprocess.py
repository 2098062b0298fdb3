"""Raw tables to a complete data directory: read, clean, split, fit on training rows, encode, write."""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from m6rec_cli.config import Config, flatten
from m6rec_cli.data import (
    assemble,
    catalogue,
    events,
    features,
    fingerprint,
    fit,
    infer,
    schema_file,
    tables,
    text,
)
from m6rec_cli.data.clean import Cleaning
from m6rec_cli.data.store import FORMAT, MANIFEST, read_specs
from m6rec_cli.data.tables import Table
from m6rec_cli.data.unknown import Sources
from m6rec_cli.directory import atomic_directory, refuse_nonempty, write_json
from m6rec_cli.errors import M6RecError, UsageError
from m6rec_cli.report import Reporter, Summary
from m6rec_cli.schema import SPLITS, FeatureColumn, FeatureSpec, Schema

_ROWS_PER_FILE = 10_000_000


@dataclass(frozen=True)
class Inputs:
    """What `preprocess` reads; paths are files, globs or folders as the readers take them."""

    interactions: Path
    items: Path | None = None
    users: Path | None = None
    media: Path | None = None
    schema: Path | None = None
    like: Path | None = None
    positive: str | None = None
    items_from_interactions: bool = False

    @property
    def files(self) -> dict[str, Path | None]:
        """Files read, by role."""
        return {
            "interactions": self.interactions,
            "items": self.items,
            "users": self.users,
            "schema": self.schema,
        }

    @property
    def media_root(self) -> Path:
        """The folder that picture cells are relative to."""
        return self.media or (self.items or self.interactions).parent


@dataclass(frozen=True)
class _Tables:
    events: Table
    items: Table | None
    users: Table | None


def dry_run(inputs: Inputs, report: Reporter) -> str:
    """The schema that a run would use, as TOML."""
    opened = _open(inputs)
    schema, left_out = _schema(inputs, opened, report)
    return schema_file.to_toml(schema, left_out)


def run(
    config: Config, inputs: Inputs, output: Path, report: Reporter, *, overwrite: bool = False
) -> Summary:
    """Make a data directory.

    Raises:
        M6RecError: An input cannot be read, does not fit the schema, or leaves nothing after cleaning.
    """
    started = time.monotonic()
    refuse_nonempty(output, overwrite=overwrite)
    opened = _open(inputs)
    like = _like(inputs)
    schema, left_out = _schema(inputs, opened, report)
    if like:
        schema = _features_of(read_specs(like), schema, opened, report)
    _require_tables(inputs, schema)
    cleaning = Cleaning()
    parsed = events.parse(opened.events, schema, label=inputs.positive, cleaning=cleaning)
    items, users = _entities(inputs, opened, schema, parsed.frame, cleaning)
    sources = Sources(
        opened.events.path, opened.items and opened.items.path, opened.users and opened.users.path
    )
    log = assemble.assemble(parsed.frame, items, users, schema, config.data, cleaning, sources,
                            event_names=assemble.read_event_names(like) if like else None)  # fmt: skip
    with atomic_directory(output, overwrite=overwrite) as work:
        for folder in ("events", "media", "features"):
            (work / folder).mkdir()
        specs = _fit(log, schema, config, like, work / "features")
        schema_text = schema_file.to_toml(schema)
        (work / "features" / schema_file.FILE).write_text(schema_text, encoding="utf-8")
        write_json(work / "features" / "features.json", [spec.to_json() for spec in specs])
        write_json(work / "features" / assemble.EVENT_NAMES, log.event_names)
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
            "inputs": fingerprint.of_inputs(inputs.files),
            "config": {f"data.{k}": v for k, v in flatten(asdict(config.data)).items()},
            "fingerprint": fingerprint.of_directory(work),
        }
        write_json(work / MANIFEST, manifest)
    _tell(report, schema, left_out, cleaning, counts, log.ties)
    return {"counts": counts, "cleaning": cleaning.rules,
            "features": [{"entity": s.entity, "name": s.name, "kind": s.kind, "size": s.size, "length": s.length} for s in specs],
            "split": config.data.split, "ties": log.ties, "has_time": schema.has_time, "events": log.event_names,
            "seconds": round(time.monotonic() - started, 2), "out": str(output)}  # fmt: skip


def _open(inputs: Inputs) -> _Tables:
    if inputs.items and inputs.items_from_interactions:
        raise UsageError("`--items` and `--items-from-interactions` exclude each other")
    if inputs.media and not inputs.media.is_dir():
        raise M6RecError("the media folder does not exist", where=str(inputs.media))
    return _Tables(
        tables.scan(inputs.interactions, "interactions"),
        tables.scan(inputs.items, "items") if inputs.items else None,
        tables.scan(inputs.users, "users") if inputs.users else None,
    )


def _schema(inputs: Inputs, opened: _Tables, report: Reporter) -> tuple[Schema, dict[str, str]]:
    if inputs.schema:
        schema = schema_file.read(inputs.schema)
        if opened.items and schema.item_id is None:
            schema = replace(schema, item_id=schema.item)
        if opened.users and schema.user_id is None:
            schema = replace(schema, user_id=schema.user)
        return schema, {}
    schema, left_out, warnings = infer.infer(opened.events, opened.items, opened.users, inputs.media_root,
                                             items_on_lines=inputs.items_from_interactions)  # fmt: skip
    for warning in warnings:
        report.warn(warning)
    return schema, left_out


def _features_of(specs: tuple[FeatureSpec, ...], schema: Schema, opened: _Tables, report: Reporter) -> Schema:
    """The schema with the features of a fitted state, as far as these tables have their columns."""
    own: dict[str, tuple[FeatureColumn, ...]] = {}
    for entity, table in (("item", opened.items or opened.events), ("user", opened.users)):
        columns = [FeatureColumn(s.name, s.state["column"], s.kind, s.state.get("separator"))
                   for s in specs if s.entity == entity]  # fmt: skip
        for absent in (c for c in columns if table is None or c.column not in table.schema):
            report.warn(
                f"no column `{absent.column}` in the {entity} table: the {entity} feature `{absent.name}` is missing everywhere"
            )
        own[entity] = tuple(c for c in columns if table is not None and c.column in table.schema)
    return replace(schema, item_features=own["item"], user_features=own["user"])


def _require_tables(inputs: Inputs, schema: Schema) -> None:
    """Raise if the schema names features of a table that is not given."""
    items = inputs.items is not None or inputs.items_from_interactions
    for entity, given, columns in (
        ("item", items, schema.item_features),
        ("user", inputs.users, schema.user_features),
    ):
        if columns and not given:
            raise M6RecError(
                f"the schema names {entity} features, and there is no {entity} table",
                where=f"{inputs.schema or inputs.like}: `{columns[0].name}`", hint=f"pass `--{entity}s FILE`",
            )  # fmt: skip


def _like(inputs: Inputs) -> Path | None:
    """The fitted features folder of `--like`."""
    if inputs.like is None:
        return None
    folder = inputs.like / "features"
    if not (folder / "features.json").exists():
        raise M6RecError("`--like` names no data or run directory", where=str(folder / "features.json"),
                         hint="give a directory that `m6rec preprocess` or a training command has made")  # fmt: skip
    return folder


def _entities(inputs: Inputs, opened: _Tables, schema: Schema, frame: pl.DataFrame,
              cleaning: Cleaning) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:  # fmt: skip
    items = users = None
    if opened.items:
        items = catalogue.read(opened.items, schema, "item", cleaning=cleaning)
    elif inputs.items_from_interactions:
        items = catalogue.from_interactions(opened.events, schema)
        kept = frame["item"].unique().cast(pl.String)
        items = items.filter(pl.col("id").is_in(kept.implode()))
    if opened.users:
        users = catalogue.read(opened.users, schema, "user", cleaning=cleaning)
    return items, users


def _fit(
    log: assemble.Log, schema: Schema, config: Config, like: Path | None, out: Path
) -> tuple[FeatureSpec, ...]:
    """Fit on rows with training events, or take over the state of `--like`."""
    if like:
        specs = read_specs(like)
        if any(spec.kind == "text" for spec in specs):
            (out / text.FILE).write_bytes((like / text.FILE).read_bytes())
        return specs
    items = log.items.filter(pl.Series(log.item_popularity > 0))
    users = log.users.filter(pl.Series(log.user_popularity > 0))
    tokenizer = None
    if any(f.kind == "text" for f in (*schema.item_features, *schema.user_features)):
        texts = fit.texts(items, schema.item_features) + fit.texts(users, schema.user_features)
        tokenizer = text.train(texts, config.data.text_vocabulary)
        tokenizer.save(str(out / text.FILE))
    return (fit.fit(items, schema.item_features, "item", config.data, tokenizer)
            + fit.fit(users, schema.user_features, "user", config.data, tokenizer))  # fmt: skip


def _write_entity(frame: pl.DataFrame, specs: tuple[FeatureSpec, ...], entity: Any, work: Path, media_root: Path,
                  cleaning: Cleaning, report: Reporter) -> None:  # fmt: skip
    encoded, _ = features.encode(frame, specs, work / "features", media_root, entity, media_out=work / "media",
                                 cleaning=cleaning, report=report)  # fmt: skip
    own = ["id", "display", "popularity"] if entity == "item" else ["id"]
    table = frame.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"), *own)
    pl.concat([table, encoded], how="horizontal").write_parquet(work / f"{entity}s.parquet")


def _tell(
    report: Reporter,
    schema: Schema,
    left_out: dict[str, str],
    cleaning: Cleaning,
    counts: dict[str, Any],
    ties: int,
) -> None:
    roles = [(role, getattr(schema, role)) for role in ("user", "item", "timestamp", "event", "weight", "quantity", "price")
             if getattr(schema, role)]  # fmt: skip
    report.table("roles", ("role", "column"), roles)
    shown = [(f"{entity}.{f.name}", f.kind) for entity, group in (("item", schema.item_features), ("user", schema.user_features))
             for f in group]  # fmt: skip
    report.table(
        "features",
        ("feature", "kind"),
        shown + [(name, f"left out: {reason}") for name, reason in left_out.items()],
    )
    report.table("cleaning", ("rule", "dropped", "changed", "first"),
                 [(r["rule"], r.get("dropped"), r.get("changed"), ", ".join(r["examples"])) for r in cleaning.rules])  # fmt: skip
    report.table("counts", ("what", "number"),
                 [("users", counts["users"]), ("items", counts["items"]),
                  *((f"events: {s}", counts["events"][s]) for s in SPLITS),
                  ("events at the same time as another of the user", ties)])  # fmt: skip
