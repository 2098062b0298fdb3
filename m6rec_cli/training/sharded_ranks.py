"""Validation over a mesh: a device embeds and ranks against its own part of the catalogue, and counts are added.

Of the rows that a device of `model` holds, the devices of `data` encode a share each and tell each other. A table is
never put together as a whole: what is handed on between devices of `model` are counts, and the scores of true items.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import PartitionSpec as P

from m6rec_cli.execution.mesh import DATA, MODEL, MeshLayout
from m6rec_cli.execution.model_inputs import FeatureTables
from m6rec_cli.model import scoring
from m6rec_cli.model.fusion import Features, gather_rows
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system.shapes import BD, ID, I_bool


def embed(layout: MeshLayout, model: M6Rec, tables: FeatureTables) -> ID:
    """Embeddings of the whole catalogue, laid out as the tables are."""
    graphdef, state = nnx.split(model)
    shares = layout.mesh.shape[DATA]

    def part(state: Any, features: Features, warm: I_bool) -> ID:
        own = nnx.merge(graphdef, state)
        n = -(-len(warm) // shares)
        rows = jnp.minimum(jax.lax.axis_index(DATA) * n + jnp.arange(n), len(warm) - 1)
        content = scoring.encode_content(own, gather_rows(features, rows), n)
        content = jax.lax.all_gather(content, DATA, tiled=True)[: len(warm)]
        return own.encoder.embed_items(content, warm, Keys(None))

    specs = (layout.specs(state), P(MODEL), P(MODEL))
    mapped = jax.shard_map(
        part, mesh=layout.mesh, in_specs=specs, out_specs=P(MODEL), check_vma=False
    )
    return mapped(state, tables.items, tables.warm)


def ranks(
    layout: MeshLayout, model: M6Rec, items: ID, h: BD, target: jax.Array, seen: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """As `scoring.ranks`, of true items after the contexts `h`, and their scores, f32 (u,).

    Rows beyond `layout.n_items` take no part. The rank of a score that is not finite means nothing.
    """
    candidates = model.candidates(h, None)

    def part(c: Any, e: Any, target: Any, seen: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
        first, n = jax.lax.axis_index(MODEL) * len(e), len(e)
        row = first + jnp.arange(n)
        scores = scoring.logits(c, e, jnp.where(row < layout.n_items, 0, -jnp.inf))

        def at(table: Any, rows: Any) -> tuple[Any, Any]:
            mine = (rows >= first) & (rows < first + n)
            return jnp.take_along_axis(table, jnp.where(mine, rows - first, 0), axis=1), mine

        own, mine = at(scores, target[:, None])
        own = jax.lax.psum(jnp.where(mine, own, 0), MODEL)
        above = (scores > own) | ((scores == own) & (row[None] < target[:, None]))
        hidden, mine = at(above, seen)
        counts = above.sum(axis=1), (above.sum(axis=1) - (hidden & mine).sum(axis=1))
        return *jax.lax.psum(counts, MODEL), own[:, 0]

    return jax.shard_map(
        part,
        mesh=layout.mesh,
        in_specs=(P(DATA), P(MODEL), P(DATA), P(DATA)),
        out_specs=(P(DATA), P(DATA), P(DATA)),
        check_vma=False,
    )(candidates, items, target, seen)
