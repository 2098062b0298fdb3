"""Raw files to an audience: event logs, profiles and new items, encoded with a run's own feature state."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from scipy import sparse

from m6rec_cli.data.store import Events, FeatureArray, feature_array, read_specs
from m6rec_cli.execution.model_inputs import on_device
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.item_graphs import content_similarity, cooccurrence
from m6rec_cli.model.fusion import Features
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.model.scoring import encode_content
from m6rec_cli.preprocessing import encode, entity_tables, event_log, tables
from m6rec_cli.preprocessing.cleaning.rules import Cleaning, left_out
from m6rec_cli.preprocessing.frozen import encoding
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity, FeatureSpec
from m6rec_cli.system.progress import Reporter


def audience(
    run: LoadedRun,
    log: Path | None,
    profiles: Path | None,
    report: Reporter,
    media: Path | None = None,
) -> UserHistories:
    """The users of a raw event log and of a raw profile table, in order of id within each.

    Args:
        media: The folder that the profiles' pictures and sounds are relative to; theirs by default.

    Raises:
        M6RecError: A file or a column that the run's schema names is missing.
    """
    schema = run.schema
    frame = read_log(run, log, schema, report)
    table = read_profiles(run, profiles, schema, report)
    named = [frame["user_id"], *([table["id"]] if table is not None else [])]
    ids = pl.concat(named).unique(maintain_order=True)
    users = pl.DataFrame({"user_id": ids}).with_row_index("user_row")
    # Rows follow the first appearance in a log that is sorted by user, so that the events stay in order.
    known = frame.drop_nulls("item_row").join(
        users, on="user_id", how="left", maintain_order="left"
    )
    log_events = as_events(known)
    arrays = profile_arrays(run, ids, table, media or folder_of(profiles), report)
    return UserHistories(run, log_events, run.has_time and schema.has_time, ids, arrays)


def read_log(run: LoadedRun, log: Path | None, schema: Schema, report: Reporter) -> pl.DataFrame:
    """A raw event log, sorted by user, time and file order; empty without a file.

    Events of an unknown kind count as the first kind, and events on items that the run does not know are left
    out of histories, each with a warning.

    Returns:
        `user_id` and `item_id` str, `item_row` u32 (null: not known), `timestamp` i64, `event` u8, `weight` f32.
    """
    cleaning = Cleaning()
    frame = (
        event_log.read_events(_open(log, "interactions", report), schema, cleaning=cleaning)
        if log
        else _no_events()
    )
    if schema.users_are_items:
        frame = cleaning.keep(
            frame,
            "events: of a user with himself",
            pl.col("user_id") != pl.col("item_id"),
            "user_id",
        )
    for rule in cleaning.rules:
        if rule.get("dropped") and "duplicates" not in rule["rule"]:
            report.warn(left_out(rule))
    items = run.items.select(item_id="id", item_row=pl.col("row").cast(pl.UInt32))
    joined = frame.join(items, on="item_id", how="left", maintain_order="left")
    unknown = joined.filter(pl.col("item_row").is_null())
    if len(unknown):
        report.warn(
            f"{len(unknown):,} of {len(joined):,} events name items that the run does not know and are left out, "
            f"first: `{unknown['item_id'][0]}`"
        )
    return joined.with_columns(
        pl.Series("event", _kinds(run, joined["event"], report), dtype=pl.UInt8)
    )


def read_profiles(
    run: LoadedRun, profiles: Path | None, schema: Schema, report: Reporter
) -> pl.DataFrame | None:
    """A raw profile table as `catalogue.read` gives it."""
    table = (
        entity_tables.read(_open(profiles, "users", report), schema, "user") if profiles else None
    )
    if table is not None and not run.specs.user_specs:
        report.warn("the model reads no user features, so the profiles tell it nothing")
    return table


def profile_arrays(
    run: LoadedRun, ids: pl.Series, table: pl.DataFrame | None, media: Path, report: Reporter
) -> dict[str, FeatureArray]:
    """The features of the users `ids`, missing where the table has no row; empty if the model reads none.

    Args:
        media: The folder that cells of pictures and sounds are relative to.
    """
    if not run.specs.user_specs:
        return {}
    blank = pl.DataFrame({"id": ids})
    rows = blank if table is None else blank.join(table, on="id", how="left", maintain_order="left")
    known, _ = _encode(run, rows, run.specs.user_specs, "user", media, report)
    return known


def folder_of(profiles: Path | None) -> Path:
    """Where the cells of a profile table are looked for unless something else is said."""
    return profiles.parent if profiles else Path()


def as_events(frame: pl.DataFrame) -> Events:
    """Sorted rows with `user_row`, `item_row`, `timestamp`, `event` and `weight` as arrays."""
    return Events(
        frame["user_row"].to_numpy().astype(np.int32),
        frame["item_row"].to_numpy().astype(np.int32),
        frame["timestamp"].to_numpy(),
        frame["event"].to_numpy(),
        frame["weight"].to_numpy(),
        np.ones(len(frame), bool),
        np.zeros(len(frame), np.uint8),
    )


def with_items(run: LoadedRun, path: Path, media: Path | None, report: Reporter) -> LoadedRun:
    """The run with the unknown items of a raw item table added, scored from their content alone.

    Raises:
        M6RecError: The table is missing, or the model reads no item content, so that nothing is known of a new item.
    """
    if not run.specs.item_specs:
        raise M6RecError(
            "the model reads no item features, so it cannot score new items",
            where=str(path),
            hint="train with item features, and without `model.exclude` of all of them",
        )
    schema = run.schema
    table = entity_tables.read(_open(path, "items", report), schema, "item")
    table = table.filter(~pl.col("id").is_in(run.items["id"].implode()))
    if len(table) == 0:
        report.warn(f"the run knows every item of {path}: none is added")
        return run
    # Categories are counted by `max_per_category`, whether the model reads them or not.
    read = {s.name for s in run.specs.item_specs}
    counted = [
        s
        for s in read_specs(run.path / "features")
        if s.entity == "item" and s.name in run.items.columns and s.name not in read
    ]
    folder = media or path.parent
    arrays, coded = _encode(run, table, [*run.specs.item_specs, *counted], "item", folder, report)
    content = _content(run.model, on_device({name: arrays[name] for name in read}), len(table))
    n = len(run.items)
    added = table.select(
        pl.int_range(n, n + pl.len(), dtype=pl.UInt32).alias("row"),
        "id",
        "display",
        pl.lit(0, pl.UInt32).alias("popularity"),
    )
    kept = coded.select(c for c in coded.columns if c in run.items.columns)
    items = pl.concat(
        [run.items, pl.concat([added, kept], how="horizontal")], how="diagonal_relaxed"
    )
    own = content_similarity.counts(run.specs.item_specs, lambda spec: arrays[spec.name])
    joined = [
        sparse.csr_array(sparse.vstack(pair, format="csr"))
        for pair in zip(run.content(), own, strict=True)
    ]
    beyond = np.append(np.arange(n), np.full(len(table), -1))
    report.note(f"{len(table):,} items that the run does not know are scored from their content")
    return dataclasses.replace(
        run,
        items=items,
        id_rows=np.concatenate([run.id_rows, np.full(len(table), -1)]),
        neighbours=cooccurrence.rows_of(run.cooccurrence, beyond),
        alike=cooccurrence.rows_of(run.content_similarity, beyond)
        + content_similarity.graph(joined, np.append(run.id_rows, np.full(len(table), -1)) >= 0, n),
        embeddings=jnp.concatenate([run.embeddings, content]),
        bias=jnp.pad(run.bias, (0, len(table))),
    )


def item_features(
    run: LoadedRun, path: Path, media: Path | None, report: Reporter
) -> Callable[[np.ndarray], dict[str, FeatureArray]]:
    """Item rows to their features in a raw item table, missing where it has no row of an item.

    Raises:
        M6RecError: The table or a column of it is missing.
    """
    schema = run.schema
    table = entity_tables.read(tables.scan(path, "items"), schema, "item")

    def encoded(rows: np.ndarray) -> dict[str, FeatureArray]:
        frame = pl.DataFrame({"id": run.items["id"].gather(rows)})
        frame = frame.join(table, on="id", how="left", maintain_order="left")
        return _encode(run, frame, run.specs.item_specs, "item", media or path.parent, report)[0]

    return encoded


def _open(path: Path | str, what: str, report: Reporter) -> tables.Table:
    table = tables.scan(path, what)
    if table.doubt:
        report.warn(table.doubt)
    return table


def _encode(
    run: LoadedRun,
    frame: pl.DataFrame,
    specs: Sequence[FeatureSpec],
    entity: Entity,
    root: Path,
    report: Reporter,
) -> tuple[dict[str, FeatureArray], pl.DataFrame]:
    """Features of raw rows by the run's fitted state: all as arrays, and the columns that are no media."""
    cleaning = Cleaning()
    frame = encoding.embed(frame, map(FeatureColumn.of, specs), root, entity, report, cleaning)
    table, arrays = encode.encode(
        frame, specs, run.path / "features", root, entity, cleaning=cleaning, report=report
    )
    for rule in cleaning.rules:
        if rule["changed"] and "undecodable" in rule["rule"]:
            report.warn(f"{rule['rule']}: {rule['changed']:,}, first: {rule['examples'][0]}")
    return {
        s.name: arrays[s.name] if s.name in arrays else feature_array(s, table, Path())
        for s in specs
    }, table


@functools.partial(jax.jit, static_argnames="n")
def _content(model: M6Rec, arrays: Features, n: int) -> jax.Array:
    return encode_content(model, arrays, n)


def _kinds(run: LoadedRun, names: pl.Series, report: Reporter) -> np.ndarray:
    codes = {name: code for code, name in enumerate(run.event_kinds)}
    unknown = [name for name in names.drop_nulls().unique().sort().to_list() if name not in codes]
    if unknown:
        report.warn(
            f"event kinds that the run does not know are read as `{run.event_kinds[0]}`: {', '.join(unknown)}"
        )
    return names.replace_strict(codes, default=0, return_dtype=pl.UInt8).to_numpy()


def _no_events() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "user_id": pl.String,
            "item_id": pl.String,
            "timestamp": pl.Int64,
            "event": pl.String,
            "weight": pl.Float32,
        }
    )
