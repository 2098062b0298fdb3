"""Item embeddings and ranks for validation on a mesh that divides the catalogue over `model`.

The devices along `data` share the encoding of the items that a `model` position holds. Tables are
never gathered over `model`: its devices exchange counts and the scores of target items alone.
"""

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
    """Embeddings of the whole catalogue, divided as item tables are."""
    graphdef, state = nnx.split(model)
    n_shares = layout.mesh.shape[DATA]

    def part(state: nnx.State, features: Features, warm: I_bool) -> ID:
        own = nnx.merge(graphdef, state)
        n = -(-len(warm) // n_shares)
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
    layout: MeshLayout, candidates: BD, items: ID, target: jax.Array, seen: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """As `scoring.ranks`, for target items of candidates, and their scores, f32 (u,).

    Rows beyond `layout.n_items` are excluded. The rank of a score that is not finite has no
    meaning.
    """

    def part(
        c: jax.Array, e: jax.Array, target: jax.Array, seen: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        first, n = jax.lax.axis_index(MODEL) * len(e), len(e)
        row = first + jnp.arange(n)
        scores = scoring.logits(c, e, jnp.where(row < layout.n_items, 0, -jnp.inf))

        def take(table: jax.Array, rows: jax.Array) -> tuple[jax.Array, jax.Array]:
            is_ours = (rows >= first) & (rows < first + n)
            return jnp.take_along_axis(table, jnp.where(is_ours, rows - first, 0), axis=1), is_ours

        own, is_ours = take(scores, target[:, None])
        own = jax.lax.psum(jnp.where(is_ours, own, 0), MODEL)
        above = scoring.fraction_above(scores, own)
        seen_above, is_ours = take(above, seen)
        hidden = jnp.where(is_ours, seen_above, 0).sum(axis=1)
        everywhere, hidden = jax.lax.psum((above.sum(axis=1), hidden), MODEL)
        return everywhere - 0.5, everywhere - 0.5 - hidden, own[:, 0]

    return jax.shard_map(
        part,
        mesh=layout.mesh,
        in_specs=(P(DATA), P(MODEL), P(DATA), P(DATA)),
        out_specs=(P(DATA), P(DATA), P(DATA)),
        check_vma=False,
    )(candidates, items, target, seen)
