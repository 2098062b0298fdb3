"""Scores over the catalogue: item embeddings in tiles, contexts of histories, ranks by counting."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from m6rec_cli.model.fusion import Features, gather
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec, Tokens
from m6rec_cli.system.shapes import ID, I, I_bool

_ENCODE_ROWS = 2048


def encode_content(model: M6Rec, features: Features, n_items: int) -> ID:
    """Content vectors of the whole catalogue, tile by tile, so that pictures are never all afloat."""
    if not features:
        return jnp.zeros((n_items, model.encoder.start.shape[0]))
    tile = min(_ENCODE_ROWS, n_items)
    starts = jnp.arange(0, n_items, tile)

    def encode(start: Array) -> Array:
        rows = jnp.minimum(start + jnp.arange(tile), n_items - 1)
        return model.encoder.content(gather(features, rows), Keys(None))

    return jax.lax.map(encode, starts).reshape(-1, model.encoder.start.shape[0])[:n_items]


def embed_items(model: M6Rec, features: Features, warm: I_bool) -> ID:
    """Embeddings of the whole catalogue as they are judged: nothing is dropped."""
    return model.encoder.embed(encode_content(model, features, len(warm)), warm, Keys(None))


def final_contexts(
    model: M6Rec,
    items: ID,
    tokens: Tokens,
    profiles: Features,
    row: Int[Array, " u"],
    at: Int[Array, " u"],
) -> tuple[Float[Array, "u d"], Float[Array, "u s"]]:
    """Context and state after the last token of each history of packed rows: every user has one, and none is left out."""
    if not profiles:
        return model.contexts(items, tokens, {}, Keys(None), at=(row, at))
    users = jnp.sort(tokens.user[row, at])
    owner = jnp.minimum(jnp.searchsorted(users, tokens.user), len(users) - 1)
    return model.contexts(
        items, tokens, gather(profiles, users), Keys(None), at=(row, at), owner=owner
    )


def ranks(
    scores: Float[Array, "u i"], target: Int[Array, " u"], seen: Int[Array, "u l"]
) -> tuple[Int[Array, " u"], Int[Array, " u"]]:
    """0-based rank of each target among all items, and among those the user has not seen.

    rank = number of items with a higher score, ties counted by item row, as a stable sort would place them.

    Args:
        seen: Distinct item rows that the user has seen, without the target; -1 beyond the end.
    """
    own = jnp.take_along_axis(scores, target[:, None], axis=1)
    row = jnp.arange(scores.shape[1])[None]
    above = (scores > own) | ((scores == own) & (row < target[:, None]))
    everywhere = above.sum(axis=1)
    hidden = jnp.take_along_axis(above, jnp.maximum(seen, 0), axis=1) & (seen >= 0)
    return everywhere, everywhere - hidden.sum(axis=1)


def logits(candidates: Float[Array, "u d"], items: ID, bias: I) -> Float[Array, "u i"]:
    """Scores of all items."""
    return candidates @ items.T + bias[None]
