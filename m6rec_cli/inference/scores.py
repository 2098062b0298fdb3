"""Contexts to the log-probability of every item, and to the best items of each user, tile by tile.

The generator makes a candidate embedding per noise draw (article 3.1). The ranking weights join its
logits with the item graphs and popularity (`ranking_terms`). A score is the log of the mean
probability over the draws, plus a weight times the discriminator's log-sigmoid for the best items.
"""

import functools
import zlib
from collections.abc import Callable, Iterable
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.inference.blocked_top_k import top_k
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.ranking_terms import ItemTerms, UserTerms, item_terms
from m6rec_cli.model import scoring
from m6rec_cli.model.discriminator import unit_mean_square
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system import device_defaults, runtime
from m6rec_cli.system.shapes import BD, ID, I, I_bool, PRNGKey

DISCRIMINATED_ITEMS = 100
"""The discriminator scores this many of the best items of each user."""

_DISCRIMINATED_USERS = 128
_LogProbs = TypeVar("_LogProbs")


def users_per_tile(n_items: int, n_users: int) -> int:
    """Users whose scores fit into a tile: a power of two, so that few shapes are compiled."""
    most = max(1, min(device_defaults.current().score_floats // max(n_items, 1), n_users))
    return 1 << (most.bit_length() - 1)


def ranks_by_logits(config: RecommendConfig) -> bool:
    """Whether the logits alone order the items: one noise draw and no discriminator."""
    return config.noise_draws == 1 and config.discriminator_weight == 0


def user_keys(seed: int, ids: Iterable[str]) -> Key[Array, " b"]:
    """A PRNG key per user from the seed and the user id alone.

    The noise of a user depends neither on the other users of a request nor on their order.
    """
    codes = np.array([zlib.crc32(name.encode()) for name in ids], np.uint32)
    return _fold(runtime.random_key(seed), codes)


@jax.jit
def _fold(key: PRNGKey, data: UInt[np.ndarray, " b"]) -> Key[Array, " b"]:
    return jax.vmap(lambda d: jax.random.fold_in(key, d))(data)


@jax.jit
def candidates(model: M6Rec, h: BD) -> BD:
    """The candidate embedding of each context without noise."""
    return model.candidates(h, None)


@jax.jit
def logits(candidates: BD, items: ID, bias: I) -> Float[Array, "b i"]:
    """The logits of all items by the model alone."""
    return scoring.logits(candidates, items, bias)


def catalogue_scores(
    run: LoadedRun,
    config: RecommendConfig,
    contexts: BD,
    users: UserTerms,
    user_ids: Iterable[str],
) -> Float[Array, "b i"]:
    """Scores of all items for a tile of users."""
    return log_probabilities(
        run.model,
        contexts,
        item_terms(run),
        users,
        user_keys(run.config.train.seed, user_ids),
        noise_draws=config.noise_draws,
        discriminator_weight=config.discriminator_weight,
    )


@functools.partial(jax.jit, static_argnames=("noise_draws", "discriminator_weight"))
def log_probabilities(
    model: M6Rec,
    h: BD,
    items: ItemTerms,
    users: UserTerms,
    keys: Key[Array, " b"],
    *,
    noise_draws: int,
    discriminator_weight: float,
) -> Float[Array, "b i"]:
    """Scores of all items.

    Args:
        keys: From `user_keys`.
        noise_draws: 1 uses no noise.
    """

    def of_draw(z: Array | None) -> Float[Array, "b i"]:
        return jax.nn.log_softmax(users.scores(model.candidates(h, z), items), axis=-1)

    scores = log_sum_over_draws(of_draw, model.noise, keys, noise_draws)
    if noise_draws > 1:
        scores = scores - jnp.log(noise_draws)
    if discriminator_weight > 0:
        scores = _add_discriminator(model, h, items.embeddings, scores, discriminator_weight)
    return scores


def log_sum_over_draws(
    of_draw: Callable[[Array | None], _LogProbs],
    n_noise: int,
    keys: Key[Array, " b"],
    noise_draws: int,
) -> _LogProbs:
    """The log of the sum of probabilities over the noise draws; without noise for one draw.

    Args:
        of_draw: Noise f32 (b, n_noise) to arrays of log-probabilities.
        keys: From `user_keys`.
    """
    if noise_draws == 1:
        return of_draw(None)

    def noise(s: Array) -> Float[Array, "b z"]:
        return jax.vmap(lambda key: jax.random.normal(jax.random.fold_in(key, s), (n_noise,)))(keys)

    def add(total: _LogProbs, s: Array) -> tuple[_LogProbs, None]:
        return jax.tree.map(jnp.logaddexp, total, of_draw(noise(s))), None

    draws = jnp.arange(noise_draws)
    shapes = jax.eval_shape(lambda s: of_draw(noise(s)), draws[0])
    start = jax.tree.map(lambda x: jnp.full(x.shape, -jnp.inf), shapes)
    return jax.lax.scan(add, start, draws)[0]


def discriminator_log_probs(
    model: M6Rec, h: Float[Array, "n d"], embeddings: Float[Array, "n d"]
) -> Float[Array, " n"]:
    """The log-probability that the discriminator takes each pair for a real event."""
    return jax.nn.log_sigmoid(model.discriminator(h, unit_mean_square(embeddings)))


def _add_discriminator(
    model: M6Rec, h: BD, items: ID, scores: Float[Array, "b i"], weight: float
) -> Float[Array, "b i"]:
    """Add the discriminator's log-probability; the items that it does not score get the lowest."""
    n = min(DISCRIMINATED_ITEMS, scores.shape[1])

    def of_user(pair: tuple[Array, Array]) -> Array:
        context, row = pair
        best, at = jax.lax.top_k(row, n)
        contexts = jnp.broadcast_to(context, (n, len(context)))
        real = discriminator_log_probs(model, contexts, items[at])
        return (row + weight * real.min()).at[at].set(best + weight * real)

    # In groups of users: the discriminator reads three vectors per pair.
    return jax.lax.map(of_user, (h, scores), batch_size=_DISCRIMINATED_USERS)


@functools.partial(jax.jit, static_argnames=("k", "recall"))
def best_items(
    scores: Float[Array, "b i"],
    owner: Int[Array, " e"],
    hidden: Int[Array, " e"],
    allowed: I_bool,
    *,
    k: int,
    recall: float = 1.0,
) -> tuple[Float[Array, "b k"], Int[Array, "b k"]]:
    """Scores and rows of the k best items that are allowed and not hidden; -inf where none is left.

    Args:
        owner: The row of `scores` that an item is hidden from; a row beyond them is padding.
        hidden: The row of that item.
        recall: See `top_k`.
    """
    scores = jnp.where(allowed[None], scores, -jnp.inf)
    return top_k(scores.at[owner, hidden].set(-jnp.inf, mode="drop"), k, recall)
