"""A run over the items of another data directory, with features hidden.

An item that the run trained keeps its id embedding; any other item is scored from its content.
Hiding a feature marks it missing in every row; training masks features too, so the model can do
without.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs
from m6rec_cli.inference.loaded_run import LoadedRun, require_features
from m6rec_cli.inference.run_catalogue import Catalogue
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.item_graphs import content_cosines, content_similarity, cooccurrence
from m6rec_cli.model import scoring
from m6rec_cli.model.fusion import Features
from m6rec_cli.system.errors import M6RecError, nearest_hint
from m6rec_cli.system.progress import Reporter

ITEM_ID = "id"
"""The name of the id embeddings in `recommend.hidden_features`; no feature can have it."""

_USER = "user."


def hidden_item_features(run: LoadedRun, hidden: Sequence[str]) -> list[str]:
    """The names of `recommend.hidden_features` that are item features or `id`.

    Raises:
        M6RecError: The model does not read a feature of that name.
    """
    known = [s.name for s in run.spec.item_specs] + [_USER + s.name for s in run.spec.user_specs]
    known += [ITEM_ID] if run.config.model.item_ids else []
    for name in hidden:
        if name not in known:
            raise M6RecError(
                "`recommend.hidden_features` names a feature that the model does not read: "
                f"`{name}`",
                where=str(run.path),
                hint=nearest_hint(name, known),
            )
    return [name for name in hidden if not name.startswith(_USER)]


def hide_user_features(histories: UserHistories, hidden: Sequence[str]) -> UserHistories:
    """The same users without the user features of `recommend.hidden_features`."""
    names = {name.removeprefix(_USER) for name in hidden if name.startswith(_USER)}
    profiles = {
        name: dataclasses.replace(a, mask=np.zeros_like(a.mask)) if name in names else a
        for name, a in histories.profiles.items()
    }
    return dataclasses.replace(histories, profiles=profiles)


def with_catalogue(
    run: LoadedRun, data: Dataset, hidden_features: Sequence[str], report: Reporter
) -> LoadedRun:
    """The run with the items of `data`, in their order, as its catalogue.

    Raises:
        M6RecError: A hidden feature is unknown; or the items are others than the run's, and the
            model cannot read their features.
    """
    hidden = hidden_item_features(run, hidden_features)
    names = ["id", "display"]
    if run.catalogue.items.select(names).equals(data.items.select(names)) and not hidden:
        return run
    require_features(run, data, "item")
    row = _run_rows(run, data, report)
    _check_unknown_items(run, data, row, report)
    warm = (row >= 0) & (run.catalogue.items["popularity"].to_numpy() > 0)[row]
    if ITEM_ID in hidden:
        warm[:] = False
    id_rows = np.where(warm, row, -1)
    shown = [s for s in run.spec.item_specs if s.name not in hidden]
    counts = content_similarity.term_counts(shown, data.feature)
    embeddings = _embed(run, data, hidden, row, warm)
    with report.task("finding similar items", len(row), "items") as task:
        content_graph = content_similarity.similarity_graph(counts, warm, on_progress=task.advance)
    vectors = content_cosines.filled_vectors(shown, data.feature)
    events = run.catalogue.events[row] * (id_rows >= 0)
    columns = [c for c in data.items.columns if c in run.catalogue.items.columns]
    catalogue = Catalogue(
        items=data.items.select(columns),
        id_rows=id_rows,
        embeddings=embeddings,
        bias=jax.device_put(np.zeros(len(row), np.float32)),
        cooccurrence=cooccurrence.reindex(run.catalogue.cooccurrence, id_rows),
        transitions=cooccurrence.reindex(run.catalogue.transitions, id_rows),
        content_similarity=content_graph,
        cosines=content_cosines.most_similar_items(counts, vectors, warm),
        events=events,
        ranking=run.catalogue.ranking,
        ranking_of_protocol=run.catalogue.ranking_of_protocol,
        content_weight=run.catalogue.content_weight,
        cold_content_weight=run.catalogue.cold_content_weight,
        content_counts=lambda: counts,
        is_other_shop=bool((row < 0).mean() > 0.5),
    )
    return dataclasses.replace(run, catalogue=catalogue)


def _run_rows(run: LoadedRun, data: Dataset, report: Reporter) -> np.ndarray:
    """The row of each item of `data` in the run's catalogue, -1 where it has none.

    Two shops may number their items alike: if most of the shared ids have other names, none is the
    run's.
    """
    reason = why_other_items(run.catalogue.items, data.items)
    if reason:
        report.warn(f"{reason}: the items of the data are taken as others than the run's")
        return np.full(data.n_items, -1)
    known = run.catalogue.items.select("id", at=pl.col("row").cast(pl.Int64))
    joined = data.items.select("id").join(known, on="id", how="left", maintain_order="left")
    return joined["at"].fill_null(-1).to_numpy()


def why_other_items(own: pl.DataFrame, others: pl.DataFrame) -> str | None:
    """Why two tables with `id` and `display` are of different items; None if they are not."""
    named = others.join(own, on="id").drop_nulls(["display", "display_right"])
    renamed = named.filter(pl.col("display") != pl.col("display_right"))
    if 2 * len(renamed) <= len(named):
        return None
    return (
        f"{len(renamed):,} of {len(named):,} ids that the run knows have another name, first: "
        f"`{renamed['id'][0]}`"
    )


def _check_unknown_items(run: LoadedRun, data: Dataset, row: np.ndarray, report: Reporter) -> None:
    """Warn of items that the run does not know, or refuse them if the model reads no content."""
    n_unknown = int((row < 0).sum())
    if n_unknown and not run.spec.item_specs:
        raise M6RecError(
            f"{n_unknown:,} items of the data are not in the run's catalogue, "
            "and the model reads no content",
            where=str(data.path / "items.parquet"),
            hint="train with item features, or pass the data directory that the run was trained on",
        )
    if n_unknown:
        report.warn(
            f"{n_unknown:,} of the {len(row):,} items of the data are not in the run's "
            "catalogue: they are scored from their content alone"
        )


def _embed(
    run: LoadedRun, data: Dataset, hidden: Sequence[str], row: np.ndarray, warm: np.ndarray
) -> jax.Array:
    """Embeddings of the items of `data`: content, plus the id embedding of warm items."""
    features = _hide(model_inputs.feature_tables(data, run.spec).items, hidden)
    n = len(row)
    embeddings = jax.jit(lambda model, f: scoring.encode_content(model, f, n))(run.model, features)
    if run.model.encoder.ids is None:
        return embeddings
    ids = np.asarray(run.model.encoder.ids[...])[row]
    return embeddings + jax.device_put(np.where(warm[:, None], ids, 0))


def _hide(features: Features, hidden: Sequence[str]) -> Features:
    return {
        name: (values, jnp.zeros_like(mask) if name in hidden else mask)
        for name, (values, mask) in features.items()
    }
