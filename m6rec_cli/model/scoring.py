"""The model in inference: item embeddings, contexts of whole histories, logits and ranks."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from m6rec_cli.model.fusion import Features, gather_rows
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec, Tokens
from m6rec_cli.system.shapes import ID, I, I_bool

_ENCODE_ROWS = 2048


def encode_content(model: M6Rec, features: Features, n_items: int) -> ID:
    """Content vectors of the catalogue, in tiles: images of all items may not fit into memory."""
    if not features:
        return jnp.zeros((n_items, model.encoder.start.shape[0]))
    tile = min(_ENCODE_ROWS, n_items)
    starts = jnp.arange(0, n_items, tile)

    def encode(start: Array) -> Array:
        rows = jnp.minimum(start + jnp.arange(tile), n_items - 1)
        return model.encoder.encode_content(gather_rows(features, rows), Keys(None))

    return jax.lax.map(encode, starts).reshape(-1, model.encoder.start.shape[0])[:n_items]


def embed_items(model: M6Rec, features: Features, warm: I_bool) -> ID:
    """Embeddings of the catalogue, without dropout."""
    return model.encoder.embed_items(encode_content(model, features, len(warm)), warm, Keys(None))


def final_contexts(
    model: M6Rec,
    items: ID,
    tokens: Tokens,
    profiles: Features,
    row: Int[Array, " u"],
    position: Int[Array, " u"],
) -> tuple[Float[Array, "u d"], Float[Array, "u s"]]:
    """Context and decoder state of each user after the last token of their history.

    Args:
        tokens: Packed rows; each history in them is of a different user.
        profiles: Features of users by `tokens.user`.
        row: Row of each user's last token.
        position: Position of each user's last token.
    """
    if not profiles:
        return model.contexts(items, tokens, {}, Keys(None), at=(row, position))
    users = jnp.sort(tokens.user[row, position])
    profile_row = jnp.minimum(jnp.searchsorted(users, tokens.user), len(users) - 1)
    return model.contexts(
        items,
        tokens,
        gather_rows(profiles, users),
        Keys(None),
        at=(row, position),
        profile_row=profile_row,
    )


def ranks(
    scores: Float[Array, "u i"], target: Int[Array, " u"], seen: Int[Array, "u l"]
) -> tuple[Float[Array, " u"], Float[Array, " u"]]:
    """Rank of each user's target, from 0: among all items, and among their unseen items.

    The rank is the number of items with a higher score and half of the other items with the same
    one: its expectation over the orders of a tie. The second rank means nothing for a seen target.

    Args:
        seen: Distinct rows of the items each user has seen; padded with -1.
    """
    own = jnp.take_along_axis(scores, target[:, None], axis=1)
    above = fraction_above(scores, own)
    everywhere = above.sum(axis=1) - 0.5
    hidden = jnp.where(seen >= 0, jnp.take_along_axis(above, jnp.maximum(seen, 0), axis=1), 0)
    return everywhere, everywhere - hidden.sum(axis=1)


def fraction_above(scores: Float[Array, "u i"], own: Float[Array, "u 1"]) -> Float[Array, "u i"]:
    """1 for a higher score than `own`, 0.5 for the same score, 0 for a lower one."""
    return (scores > own) + 0.5 * (scores == own)


def logits(candidates: Float[Array, "u d"], items: ID, bias: I) -> Float[Array, "u i"]:
    """Logits of all items."""
    return candidates @ items.T + bias[None]
