"""A run over the items of a data directory: another catalogue with the same features, or modalities hidden.

An item that the run knows by its id keeps the embedding of that id; any other is content alone, as
a new item is. Hiding a feature makes it missing in every row, which training has prepared the model for.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from scipy import sparse

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs
from m6rec_cli.inference.loaded_run import LoadedRun, require_features
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.item_graphs import content_similarity, cooccurrence
from m6rec_cli.model import scoring
from m6rec_cli.model.fusion import Features
from m6rec_cli.system.errors import M6RecError, nearest
from m6rec_cli.system.progress import Reporter

ITEM_ID = "id"
"""How `recommend.hidden_features` names the embeddings of item ids; no feature can have this name."""

_USER = "user."


def hidden_items(run: LoadedRun, without: Sequence[str]) -> list[str]:
    """The names of `recommend.hidden_features` that are item features, or the item ids.

    Raises:
        M6RecError: A name that the model does not read.
    """
    known = [s.name for s in run.specs.item_specs] + [_USER + s.name for s in run.specs.user_specs]
    known += [ITEM_ID] if run.config.model.item_ids else []
    for name in without:
        if name not in known:
            raise M6RecError(
                f"`recommend.hidden_features` names a feature that the model does not read: `{name}`",
                where=str(run.path),
                hint=nearest(name, known),
            )
    return [name for name in without if not name.startswith(_USER)]


def without_profiles(audience: UserHistories, without: Sequence[str]) -> UserHistories:
    """The same users, with the user features of `recommend.hidden_features` missing."""
    hidden = {name.removeprefix(_USER) for name in without if name.startswith(_USER)}
    profiles = {
        name: dataclasses.replace(a, mask=np.zeros_like(a.mask)) if name in hidden else a
        for name, a in audience.profiles.items()
    }
    return dataclasses.replace(audience, profiles=profiles)


def with_catalogue(
    run: LoadedRun, data: Dataset, without: Sequence[str], report: Reporter
) -> LoadedRun:
    """The run with the items of `data`, in their order, as its catalogue.

    Raises:
        M6RecError: An unknown name in `without`; the catalogue is another one, and its features were not fitted
            as the run's or the model reads none.
    """
    hidden = hidden_items(run, without)
    same = run.items["id"].equals(data.items["id"])
    if same and not hidden:
        return run
    require_features(run, data, "item")
    row = _rows(run, data)
    strangers = int((row < 0).sum())
    if strangers and not run.specs.item_specs:
        raise M6RecError(
            f"{strangers:,} items of the data are not in the run's catalogue, and the model reads no content",
            where=str(data.path / "items.parquet"),
            hint="train with item features, or name the data directory that the run was trained on",
        )
    if strangers:
        report.warn(
            f"{strangers:,} of the {len(row):,} items of {data.path} are not in the run's catalogue: "
            "they are scored from their content alone"
        )
    features = _hide(model_inputs.tables(data, run.specs).items, hidden)
    n = len(row)
    embeddings = jax.jit(lambda model, f: scoring.encode_content(model, f, n))(run.model, features)
    warm = (row >= 0) & (run.items["popularity"].to_numpy() > 0)[row]
    if ITEM_ID in hidden:
        warm[:] = False
    if run.model.encoder.ids is not None:
        ids = np.asarray(run.model.encoder.ids[...])[row]
        embeddings = embeddings + jax.device_put(np.where(warm[:, None], ids, 0))
    made = content_similarity.counts(
        [s for s in run.specs.item_specs if s.name not in hidden], data.feature
    )
    with report.task("finding what is alike", n, "items") as task:
        made_alike = content_similarity.graph(made, warm, told=task.advance)
    return dataclasses.replace(
        run,
        items=data.items.select(c for c in data.items.columns if c in run.items.columns),
        id_rows=np.where(warm, row, -1),
        neighbours=cooccurrence.rows_of(run.cooccurrence, np.where(warm, row, -1)),
        alike=made_alike,
        content=lambda: made,
        embeddings=embeddings,
        bias=jax.device_put(np.zeros(n, np.float32)),
    )


def with_graphs(run: LoadedRun, config: RecommendConfig) -> LoadedRun:
    """The run as it recommends: what is alike is among the neighbours, and new items are met as early as asked.

    An item without training events stood near nothing, so that its likeness has the weight of both.
    """
    new = run.id_rows < 0
    near = run.cooccurrence
    if config.content_weight > 0:
        share = np.where(new, 1 + config.content_weight, config.content_weight).astype(np.float32)
        near = sparse.csr_array(near + run.content_similarity @ sparse.diags_array(share))
    bias = jax.device_put(np.where(new, config.cold_item_bonus, 0).astype(np.float32))
    return dataclasses.replace(run, neighbours=near, bias=bias)


def _rows(run: LoadedRun, data: Dataset) -> np.ndarray:
    """The run's row of each item of the data, -1 where it has none."""
    known = run.items.select("id", at=pl.col("row").cast(pl.Int64))
    return (
        data.items.select("id")
        .join(known, on="id", how="left", maintain_order="left")["at"]
        .fill_null(-1)
        .to_numpy()
    )


def _hide(features: Features, hidden: Sequence[str]) -> Features:
    return {
        name: (values, jnp.zeros_like(mask) if name in hidden else mask)
        for name, (values, mask) in features.items()
    }
