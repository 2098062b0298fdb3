"""Contexts to log-probabilities over the catalogue, and to the best items of each user, tile by tile.

Candidates are generated from S noise draws (article 3.1), and what stood near the user's last events raises the logits
of its items; an item's score is the log of its mean probability over the draws, plus a weight times the
discriminator's log-sigmoid for the best few.
"""

import functools
import zlib
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from m6rec_cli.inference.blocked_top_k import k_best
from m6rec_cli.inference.graph_boost import LogitBoost
from m6rec_cli.model import scoring
from m6rec_cli.model.discriminator import unit
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system import runtime
from m6rec_cli.system.shapes import BD, ID, I

TILE_FLOATS = 16_000_000
"""Scores that are held at once: 64 MB."""

_JUDGED, _JUDGED_USERS = 100, 128


def users_per_tile(n_items: int, n_users: int) -> int:
    """Users whose scores fit into one tile; a power of two, so that few shapes are compiled."""
    most = max(1, min(TILE_FLOATS // max(n_items, 1), n_users))
    return 1 << (most.bit_length() - 1)


def user_keys(seed: int, ids: Iterable[str]) -> jax.Array:
    """One key a user, from the seed and the id alone: noise depends neither on the request nor on the table."""
    return _fold(
        runtime.key(seed), np.array([zlib.crc32(name.encode()) for name in ids], np.uint32)
    )


@jax.jit
def _fold(key: Any, data: Any) -> jax.Array:
    return jax.vmap(lambda d: jax.random.fold_in(key, d))(data)


@jax.jit
def candidates(model: M6Rec, h: BD) -> BD:
    """The mean generator's candidate of each context."""
    return model.candidates(h, None)


@jax.jit
def products(candidates: BD, items: ID, bias: I) -> Float[Array, "b i"]:
    """The logits of all items, without bonuses."""
    return scoring.logits(candidates, items, bias)


def added(scores: Float[Array, "b i"], near: LogitBoost) -> Float[Array, "b i"]:
    """Logits with the bonuses of neighbours."""
    return scores.at[jnp.arange(len(scores))[:, None], near.item].add(near.bonus, mode="drop")


@functools.partial(jax.jit, static_argnames=("draws", "judge_weight"))
def log_probabilities(
    model: M6Rec,
    h: BD,
    items: ID,
    bias: I,
    near: LogitBoost,
    keys: Any,
    *,
    draws: int,
    judge_weight: float,
) -> Float[Array, "b i"]:
    """Scores of all items.

    Args:
        near: From `near.tile`.
        keys: From `user_keys`.
        draws: 1 takes the mean of the noise instead of a draw.
    """

    def one(z: Array | None) -> Float[Array, "b i"]:
        return jax.nn.log_softmax(
            added(scoring.logits(model.candidates(h, z), items, bias), near), axis=-1
        )

    if draws == 1:
        scores = one(None)
    else:

        def add(total: Array, s: Array) -> tuple[Array, None]:
            z = jax.vmap(lambda key: jax.random.normal(jax.random.fold_in(key, s), (model.noise,)))(
                keys
            )
            return jnp.logaddexp(total, one(z)), None

        start = jnp.full((len(h), len(items)), -jnp.inf)
        scores = jax.lax.scan(add, start, jnp.arange(draws))[0] - jnp.log(draws)
    if judge_weight > 0:
        scores = _judge(model, h, items, scores, judge_weight)
    return scores


def _judge(
    model: M6Rec, h: BD, items: ID, scores: Float[Array, "b i"], weight: float
) -> Float[Array, "b i"]:
    """Add the discriminator's verdict on the best items; all others count as judged worst."""
    n = min(_JUDGED, scores.shape[1])

    def one(pair: tuple[Array, Array]) -> Array:
        context, row = pair
        best, at = jax.lax.top_k(row, n)
        shown = model.discriminator(jnp.broadcast_to(context, (n, len(context))), unit(items[at]))
        verdict = jax.nn.log_sigmoid(shown)
        return (row + weight * verdict.min()).at[at].set(best + weight * verdict)

    # In groups of users, since the discriminator reads three vectors for each pair.
    return jax.lax.map(one, (h, scores), batch_size=_JUDGED_USERS)


@functools.partial(jax.jit, static_argnames=("k", "recall"))
def best_items(
    scores: Float[Array, "b i"],
    owner: Int[Array, " e"],
    hidden: Int[Array, " e"],
    allowed: Bool[Array, " i"],
    *,
    k: int,
    recall: float = 1.0,
) -> tuple[Float[Array, "b k"], Int[Array, "b k"]]:
    """The k best items that are allowed and not hidden; -inf marks places for which there was none.

    Args:
        owner: The row of `scores` that hides an item; a row beyond them hides nothing (padding).
        hidden: That item's row.
        recall: See `top.k_best`.
    """
    scores = jnp.where(allowed[None], scores, -jnp.inf)
    return k_best(scores.at[owner, hidden].set(-jnp.inf, mode="drop"), k, recall)
