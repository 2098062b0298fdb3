"""The best items of each user in one pass over the catalogue, whose scores are never held as a whole.

The catalogue is read block by block. Of a block's logits only the best of each group of neighbours is kept, beside the
running normaliser of the softmax. The k best items lie in the k groups whose best is best, so those groups alone
are scored again, and the few whose logits are raised. What is left is little more than the product of contexts and embeddings, and memory grows with
`users * items / group`.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from m6rec_cli.inference.graph_boost import LogitBoost
from m6rec_cli.system.shapes import BD, ID, I, I_bool

_BLOCK = 1024
_USERS = 1024
_SCORES = 1 << 30
"""Users times items of one call at the most: 128 MiB of groups."""
_GATHERED = 1 << 25
"""Numbers of the embeddings that are gathered at once: 128 MiB, or those of one user."""


def users_per_call(n_items: int, n_users: int) -> int:
    """Users of one call; a power of two, so that few shapes are compiled."""
    most = max(1, min(_USERS, _SCORES // max(n_items, 1), n_users))
    return 1 << (most.bit_length() - 1)


def users_at_once(n_users: int, n_items: int, width: int) -> int:
    """Users of whom each has embeddings of `n_items` gathered by himself: as many as `_GATHERED` allows, a power of two.

    One on CPU, where a product of one row for each user is slow as a batch.
    """
    if jax.default_backend() == "cpu":
        return 1
    most = max(1, min(n_users, _GATHERED // (n_items * width)))
    return 1 << (most.bit_length() - 1)


def k_best(
    scores: Float[Array, "*b i"], k: int, recall: float
) -> tuple[Float[Array, "*b k"], Int[Array, "*b k"]]:
    """`jax.lax.top_k`, or on TPU, if `recall` < 1, its approximation that finds that share of them on average."""
    if recall < 1:
        return jax.lax.approx_max_k(scores, k, recall_target=recall)
    return jax.lax.top_k(scores, k)


@functools.partial(jax.jit, static_argnames=("k", "recall"))
def best_of_catalogue(
    h: BD,
    items: ID,
    bias: I,
    near: LogitBoost,
    owner: Int[Array, " e"],
    hidden: Int[Array, " e"],
    allowed: I_bool,
    *,
    k: int,
    recall: float = 1.0,
) -> tuple[Float[Array, "b k"], Int[Array, "b k"]]:
    """Log-probabilities over the whole catalogue, and rows, of the k best items that are allowed and not hidden.

    -inf marks places for which there was no item.

    Args:
        h: What the embeddings are multiplied with.
        near: Items whose logits are raised, from `near.tile`.
        owner: The row of `h` that hides an item; a row beyond them hides nothing (padding).
        hidden: That item's row.
        recall: See `k_best`.
    """
    n, width = len(items), min(_BLOCK, len(items))
    group = math.gcd(32 if k <= 64 else 8, width)
    n_blocks, in_block = -(-n // width), width // group
    # The last block begins earlier, so that it is as wide as the others; what it reads again does not count.
    begins = jnp.minimum(jnp.arange(n_blocks) * width, n - width)

    def read(carry: tuple[Array, Array], block: Array) -> tuple[tuple[Array, Array], Array]:
        highest, total = carry
        begin = begins[block]
        row = begin + jnp.arange(width)
        add = jnp.where(
            row >= block * width, jax.lax.dynamic_slice(bias, (begin,), (width,)), -jnp.inf
        )
        logits = h @ jax.lax.dynamic_slice(items, (begin, 0), (width, items.shape[1])).T + add[None]
        higher = jnp.maximum(highest, logits.max(-1))
        total = total * jnp.exp(highest - higher) + jnp.exp(logits - higher[:, None]).sum(-1)
        shown = jnp.where(
            jax.lax.dynamic_slice(allowed, (begin,), (width,))[None], logits, -jnp.inf
        )
        at = hidden - begin
        at = jnp.where((at >= 0) & (at < width), at, width)
        shown = shown.at[owner, at].set(-jnp.inf, mode="drop")
        return (higher, total), shown.reshape(len(h), in_block, group).max(-1)

    start = jnp.full(len(h), -jnp.inf), jnp.zeros(len(h))
    (highest, total), best = jax.lax.scan(read, start, jnp.arange(n_blocks))
    best = best.swapaxes(0, 1).reshape(len(h), n_blocks * in_block)
    # In the catalogue's order, so that of equal items the first wins, as it does among all.
    chosen = jnp.sort(k_best(best, min(k, best.shape[1]), recall)[1], axis=1)

    first = begins[chosen // in_block] + chosen % in_block * group
    unseen = _unhidden(chosen, first, owner, hidden, width, begins, group)
    rows = (first[:, :, None] + jnp.arange(group)[None, None]).reshape(len(h), -1)
    fresh = rows >= jnp.repeat(chosen // in_block * width, group, axis=1)
    unseen &= fresh & allowed[rows]

    def again(one: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        context, at, good = one
        best, place = jax.lax.top_k(jnp.where(good, items[at] @ context + bias[at], -jnp.inf), k)
        return best, at[place]

    logits, rows = jax.lax.map(
        again, (h, rows, unseen), batch_size=users_at_once(len(h), rows.shape[1], h.shape[1])
    )
    if near.item.shape[1]:

        def product(one: tuple[Array, Array]) -> Array:
            context, at = one
            return items[at] @ context + bias[at]

        # An item that is raised can only go up, so the best are among these and the best of all as they were.
        raised = jax.lax.map(
            product,
            (h, jnp.minimum(near.item, n - 1)),
            batch_size=users_at_once(len(h), near.item.shape[1], h.shape[1]),
        )
        total += (jnp.exp(raised - highest[:, None]) * jnp.expm1(near.bonus)).sum(-1)
        shown = near.listed & allowed[near.item]
        place = jax.vmap(jnp.searchsorted)(near.item, rows)
        twice = jnp.take_along_axis(near.item, place, axis=1, mode="clip") == rows
        logits = jnp.concatenate(
            [jnp.where(twice, -jnp.inf, logits), jnp.where(shown, raised + near.bonus, -jnp.inf)],
            axis=1,
        )
        logits, place = jax.lax.top_k(logits, k)
        rows = jnp.take_along_axis(jnp.concatenate([rows, near.item], axis=1), place, axis=1)
    return logits - (highest + jnp.log(total))[:, None], rows


def _unhidden(
    chosen: Int[Array, "b g"],
    first: Int[Array, "b g"],
    owner: Int[Array, " e"],
    hidden: Int[Array, " e"],
    width: int,
    begins: Int[Array, " blocks"],
    group: int,
) -> Bool[Array, "b c"]:
    """Which of the chosen groups' items are not hidden from the user who chose them."""
    users, n_chosen = chosen.shape
    block, n_groups = hidden // width, len(begins) * (width // group)
    of = block * (width // group) + (hidden - begins[block]) // group
    # Ascending, as each user's groups are: a search, where comparing each pair with each group would take as much
    # memory as there are pairs times groups.
    keys = (jnp.arange(users)[:, None] * n_groups + chosen).reshape(-1)
    wanted = jnp.minimum(owner, users) * n_groups + of
    at = jnp.minimum(jnp.searchsorted(keys, wanted), len(keys) - 1)
    place = at * group + hidden - first.reshape(-1)[at]
    place = jnp.where(keys[at] == wanted, place, len(keys) * group)
    unseen = jnp.ones(len(keys) * group, bool).at[place].set(False, mode="drop")
    return unseen.reshape(users, n_chosen * group)
