"""A raw item table to a run with new items, scored from their content alone."""

import dataclasses
import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from scipy import sparse

from m6rec_cli.data.feature_arrays import FeatureArray, read_specs
from m6rec_cli.execution.model_inputs import features_on_device
from m6rec_cli.inference import raw_features
from m6rec_cli.inference.attribution import FeatureSource
from m6rec_cli.inference.domain_lists import ANY_DOMAIN
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.run_catalogue import Catalogue
from m6rec_cli.item_graphs import content_cosines, content_similarity, cooccurrence
from m6rec_cli.model.fusion import Features
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.model.scoring import encode_content
from m6rec_cli.preprocessing import entity_tables, local_copies, tables
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.progress import Reporter


def with_new_items(run: LoadedRun, path: Path, media: Path | None, report: Reporter) -> LoadedRun:
    """The run with the items of a raw table that it does not know, appended to its catalogue.

    Args:
        media: The folder of the table's pictures and sounds; the folder of the table by default.

    Raises:
        M6RecError: The table is missing, or the model reads no item features.
    """
    if not run.spec.item_specs:
        raise M6RecError(
            "the model reads no item features, so it cannot score new items",
            where=str(path),
            hint="train with item features, and do not exclude all of them by `model.exclude`",
        )
    table = raw_features.open_table(run, path, "items", report)
    frame = entity_tables.read_entity_table(table, run.schema, "item")
    frame = frame.filter(~pl.col("id").is_in(run.catalogue.ids.implode()))
    if len(frame) == 0:
        report.warn(f"the run knows every item of {path}: none is added")
        return run
    specs = [*run.spec.item_specs, *_unread_categories(run)]
    folder = media or local_copies.folder_of(path)
    arrays, coded = raw_features.encode_rows(run, frame, specs, "item", folder, report)
    n = len(frame)
    scored = "1 new item is scored from its" if n == 1 else f"{n:,} new items are scored from their"
    report.note(f"{scored} content")
    return dataclasses.replace(run, catalogue=_extend(run, frame, arrays, coded))


def features_of_table(
    run: LoadedRun, path: Path, media: Path | None, report: Reporter
) -> FeatureSource:
    """Item features from a raw table, masked for items without a row in it.

    Raises:
        M6RecError: The table or one of its columns is missing.
    """
    raw = tables.scan(path, "items", no_header=run.schema.has_numbered_columns)
    table = entity_tables.read_entity_table(raw, run.schema, "item")

    def features(rows: np.ndarray) -> dict[str, FeatureArray]:
        frame = pl.DataFrame({"id": run.catalogue.ids.gather(rows)})
        frame = frame.join(table, on="id", how="left", maintain_order="left")
        specs, folder = run.spec.item_specs, media or local_copies.folder_of(path)
        return raw_features.encode_rows(run, frame, specs, "item", folder, report)[0]

    return features


def _unread_categories(run: LoadedRun) -> list[FeatureSpec]:
    """Categories that the model does not read, but `max_per_category` may count."""
    read = {s.name for s in run.spec.item_specs}
    return [
        s
        for s in read_specs(run.files)
        if s.entity == "item" and s.name in run.catalogue.items.columns and s.name not in read
    ]


def _extend(
    run: LoadedRun, frame: pl.DataFrame, arrays: dict[str, FeatureArray], coded: pl.DataFrame
) -> Catalogue:
    old, n, n_new = run.catalogue, len(run.catalogue), len(frame)
    read = {s.name: arrays[s.name] for s in run.spec.item_specs}
    content = _content(run.model, features_on_device(read), n_new)
    new_rows = frame.select(
        pl.int_range(n, n + pl.len(), dtype=pl.UInt32).alias("row"),
        "id",
        "display",
        pl.lit(0, pl.UInt32).alias("popularity"),
    )
    codes = coded.select(c for c in coded.columns if c in old.items.columns)
    new_items = pl.concat([new_rows, codes], how="horizontal")
    id_rows = np.concatenate([old.id_rows, np.full(n_new, -1)])
    new_counts = content_similarity.term_counts(run.spec.item_specs, lambda spec: arrays[spec.name])
    counts = [
        sparse.csr_array(sparse.vstack(pair, format="csr"))
        for pair in zip(old.content_counts(), new_counts, strict=True)
    ]
    old_rows = np.append(np.arange(n), np.full(n_new, -1))
    content_graph = cooccurrence.reindex(old.content_similarity, old_rows)
    warm = id_rows >= 0
    padded = {name: cooccurrence.reindex(graph, old_rows) for name, graph in old.cosines.items()}
    if "words" in old.cosines:
        padded["words"] = content_cosines.with_new_items(old.cosines["words"], counts, warm)
    return dataclasses.replace(
        old,
        items=pl.concat([old.items, new_items], how="diagonal_relaxed"),
        id_rows=id_rows,
        embeddings=jnp.concatenate([old.embeddings, content]),
        bias=jnp.pad(old.bias, (0, n_new)),
        cooccurrence=cooccurrence.reindex(old.cooccurrence, old_rows),
        transitions=cooccurrence.reindex(old.transitions, old_rows),
        content_similarity=content_graph + content_similarity.similarity_graph(counts, warm, n),
        cosines=padded,
        events=np.append(old.events, np.zeros(n_new, np.int64)),
        domain=None if old.domain is None else np.append(old.domain, np.full(n_new, ANY_DOMAIN)),
    )


@functools.partial(jax.jit, static_argnames="n")
def _content(model: M6Rec, features: Features, n: int) -> jax.Array:
    return encode_content(model, features, n)
