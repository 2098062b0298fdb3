"""Raw files to an audience: event logs, profiles and new items, encoded with a run's own feature state."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from flax import nnx

from m6rec_cli.data import catalogue, events, features, schema_file, tables
from m6rec_cli.data.batches import gap_buckets
from m6rec_cli.data.store import Events, FeatureArray, feature_array
from m6rec_cli.errors import M6RecError
from m6rec_cli.inference.histories import Audience
from m6rec_cli.inference.loaded import LoadedRun
from m6rec_cli.model.fusion import Features
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.report import Reporter
from m6rec_cli.schema import Entity, FeatureSpec


def audience(run: LoadedRun, log: Path | None, profiles: Path | None, report: Reporter) -> Audience:
    """The users of a raw event log and of a raw profile table, in order of id within each.

    Events on items that the run does not know are left out, with a warning; so are unknown kinds' names.

    Raises:
        M6RecError: A file or a column that the run's schema names is missing.
    """
    schema = schema_file.read(run.path / "features" / "schema.toml")
    frame = events.read_events(log, schema) if log else _no_events()
    table = catalogue.read(tables.scan(profiles, "users"), schema, "user") if profiles else None
    ids = pl.concat([frame["user_id"], table["id"]] if table is not None else [frame["user_id"]]).unique(
        maintain_order=True
    )
    users = pl.DataFrame({"user_id": ids, "user_row": pl.Series(range(len(ids)), dtype=pl.Int32)})
    items = run.items.select(item_id="id", item_row=pl.col("row").cast(pl.Int32))
    joined = frame.join(users, on="user_id", how="left", maintain_order="left").join(
        items, on="item_id", how="left", maintain_order="left"
    )
    unknown = joined.filter(pl.col("item_row").is_null())
    if len(unknown):
        report.warn(
            f"{len(unknown):,} of {len(joined):,} events name items that the run does not know and are left out, "
            f"first: `{unknown['item_id'][0]}`"
        )
    joined = joined.drop_nulls("item_row").sort("user_row", maintain_order=True)
    log_events = Events(
        joined["user_row"].to_numpy(), joined["item_row"].to_numpy(), joined["timestamp"].to_numpy(),
        _kinds(run, joined["event"], report), joined["weight"].to_numpy(),
        np.ones(len(joined), bool), np.zeros(len(joined), np.uint8),
    )  # fmt: skip
    known: Features = {}
    if run.specs.user_specs:
        blank = pl.DataFrame({"id": ids})
        rows = blank if table is None else blank.join(table, on="id", how="left", maintain_order="left")
        root = profiles.parent if profiles else Path()
        known = _device(encode(run, rows, run.specs.user_specs, "user", root))
    gaps = gap_buckets(log_events, has_time=run.has_time and schema.has_time)
    return Audience(run, log_events, gaps, ids.to_list(), known)


def with_items(run: LoadedRun, path: Path, media: Path | None) -> LoadedRun:
    """The run with the unknown items of a raw item table added, scored from their content alone.

    Raises:
        M6RecError: The model reads no item content, so that nothing is known of a new item.
    """
    if not run.specs.item_specs:
        raise M6RecError("the model reads no item features, so it cannot score new items", where=str(path),
                         hint="train with item features, and without `model.exclude` of all of them")  # fmt: skip
    schema = schema_file.read(run.path / "features" / "schema.toml")
    table = catalogue.read(tables.scan(path, "items"), schema, "item")
    table = table.filter(~pl.col("id").is_in(run.items["id"].implode()))
    if len(table) == 0:
        return run
    arrays = _device(encode(run, table, run.specs.item_specs, "item", media or path.parent))
    content = _content(run.model, arrays)
    n = len(run.items)
    added = table.select(
        pl.int_range(n, n + pl.len(), dtype=pl.UInt32).alias("row"), "id", "display",
        pl.lit(0, pl.UInt32).alias("popularity"),
    )  # fmt: skip
    coded, _ = features.encode(table, run.specs.item_specs, run.path / "features", path.parent, "item")
    kept = [c for c in coded.columns if c in run.items.columns]
    items = pl.concat([run.items, added.hstack(coded.select(kept))], how="diagonal_relaxed")
    mean_bias = jnp.full(len(table), run.bias.mean())
    return dataclasses.replace(
        run, items=items, embeddings=jnp.concatenate([run.embeddings, content]),
        bias=jnp.concatenate([run.bias, mean_bias]),
    )  # fmt: skip


def encode(
    run: LoadedRun, frame: pl.DataFrame, specs: Sequence[FeatureSpec], entity: Entity, root: Path
) -> dict[str, FeatureArray]:
    """Features of raw rows, fitted state from the run."""
    table, arrays = features.encode(frame, specs, run.path / "features", root, entity)
    return {s.name: arrays[s.name] if s.name in arrays else feature_array(s, table, Path()) for s in specs}


def _device(arrays: dict[str, FeatureArray]) -> Features:
    return {name: (jnp.asarray(np.asarray(a.values)), jnp.asarray(a.mask)) for name, a in arrays.items()}


@nnx.jit
def _content(model: M6Rec, arrays: Features) -> jax.Array:
    return model.encoder.content(arrays, Keys(None))


def _kinds(run: LoadedRun, names: pl.Series, report: Reporter) -> np.ndarray:
    codes = {name: code for code, name in enumerate(run.event_kinds)}
    unknown = [name for name in names.drop_nulls().unique().sort().to_list() if name not in codes]
    if unknown:
        report.warn(
            f"event kinds that the run does not know are read as `{run.event_kinds[0]}`: {', '.join(unknown)}"
        )
    return names.replace_strict(codes, default=0, return_dtype=pl.UInt8).to_numpy()


def _no_events() -> pl.DataFrame:
    return pl.DataFrame(schema={"user_id": pl.String, "item_id": pl.String, "timestamp": pl.Int64, "event": pl.String,
                                "weight": pl.Float32})  # fmt: skip
