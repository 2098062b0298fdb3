"""Contexts to the best items of each user in one pass over the catalogue, block by block.

A block's logits are reduced to the maximum of each group of adjacent items, next to the running
normaliser of the softmax. The k best items lie in the k groups with the highest maxima, so only
those groups are scored again, together with the items whose logits the graph boosts. The cost is
little more than the product of contexts and embeddings; memory grows with `users * items / group`.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from m6rec_cli.inference.ranking_terms import ItemTerms, UserTerms
from m6rec_cli.system import device_defaults
from m6rec_cli.system.shapes import BD, I_bool

_USERS = 1024
_SCORES = 1 << 30
"""Upper bound of users times items in a call: 128 MiB of group maxima."""


def users_per_call(n_items: int, n_users: int) -> int:
    """Users of one call: a power of two, so that few shapes are compiled."""
    most = max(1, min(_USERS, _SCORES // max(n_items, 1), n_users))
    return 1 << (most.bit_length() - 1)


def users_per_gather(n_users: int, n_items: int, width: int) -> int:
    """Users whose `n_items` own embeddings are gathered at once: a power of two.

    One on a CPU, where a batched product of one row per user is slow.
    """
    most = max(1, min(n_users, device_defaults.current().gathered_floats // (n_items * width)))
    return 1 << (most.bit_length() - 1)


def top_k(
    scores: Float[Array, "*b i"], k: int, recall: float
) -> tuple[Float[Array, "*b k"], Int[Array, "*b k"]]:
    """`jax.lax.top_k`; on a TPU with `recall` < 1, the approximation with that expected recall."""
    if recall < 1:
        return jax.lax.approx_max_k(scores, k, recall_target=recall)
    return jax.lax.top_k(scores, k)


@functools.partial(jax.jit, static_argnames=("k", "recall"))
def best_of_catalogue(
    h: BD,
    terms: ItemTerms,
    users: UserTerms,
    owner: Int[Array, " e"],
    hidden: Int[Array, " e"],
    allowed: I_bool,
    *,
    k: int,
    recall: float = 1.0,
) -> tuple[Float[Array, "b k"], Int[Array, "b k"]]:
    """Log-probabilities and rows of the k best items that are allowed and not hidden.

    The softmax is over the whole catalogue. -inf marks places without an item.

    Args:
        h: Candidate embeddings, one per user.
        owner: The row of `h` that an item is hidden from; a row beyond them is padding.
        hidden: The row of that item.
        recall: See `top_k`.
    """
    items, bias, popularity = terms
    h, weight = users.model[:, None] * h, users.popularity
    n, width = len(items), min(device_defaults.current().ranked_items, len(items))
    group = math.gcd(32 if k <= 64 else 8, width)
    n_blocks, in_block = -(-n // width), width // group
    # The last block starts earlier to be as wide as the others; items that it repeats do not count.
    begins = jnp.minimum(jnp.arange(n_blocks) * width, n - width)

    def read(carry: tuple[Array, Array], block: Array) -> tuple[tuple[Array, Array], Array]:
        highest, total = carry
        begin = begins[block]
        row = begin + jnp.arange(width)
        add = jnp.where(
            row >= block * width, jax.lax.dynamic_slice(bias, (begin,), (width,)), -jnp.inf
        )
        popular = jax.lax.dynamic_slice(popularity, (begin,), (width,))
        add = add[None] + weight[:, None] * popular[None]
        logits = h @ jax.lax.dynamic_slice(items, (begin, 0), (width, items.shape[1])).T + add
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
    # Groups in catalogue order: of equal items the first wins, as in a full sort.
    chosen = jnp.sort(top_k(best, min(k, best.shape[1]), recall)[1], axis=1)

    first = begins[chosen // in_block] + chosen % in_block * group
    unseen = _unhidden(chosen, first, owner, hidden, width, begins, group)
    rows = (first[:, :, None] + jnp.arange(group)[None, None]).reshape(len(h), -1)
    fresh = rows >= jnp.repeat(chosen // in_block * width, group, axis=1)
    unseen &= fresh & allowed[rows]

    def unboosted(context: Array, of_popularity: Array, at: Array) -> Array:
        return items[at] @ context + bias[at] + of_popularity * popularity[at]

    def best_of_groups(one: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
        context, of_popularity, at, good = one
        found = unboosted(context, of_popularity, at)
        best, place = jax.lax.top_k(jnp.where(good, found, -jnp.inf), k)
        return best, at[place]

    batch = users_per_gather(len(h), rows.shape[1], h.shape[1])
    logits, rows = jax.lax.map(best_of_groups, (h, weight, rows, unseen), batch_size=batch)
    if users.item.shape[1]:
        # A boost never lowers a logit: the best are among the boosted items and the best so far.
        batch = users_per_gather(len(h), users.item.shape[1], h.shape[1])
        linked = jnp.minimum(users.item, n - 1)
        boosted = jax.lax.map(lambda one: unboosted(*one), (h, weight, linked), batch_size=batch)
        higher = jnp.maximum(highest, (boosted + users.boost).max(-1))
        total *= jnp.exp(highest - higher)
        boosted_more = jnp.exp(boosted + users.boost - higher[:, None])
        total += (boosted_more - jnp.exp(boosted - higher[:, None])).sum(-1)
        highest = higher
        shown = users.listed & allowed[users.item]
        place = jax.vmap(jnp.searchsorted)(users.item, rows)
        twice = jnp.take_along_axis(users.item, place, axis=1, mode="clip") == rows
        logits = jnp.concatenate(
            [
                jnp.where(twice, -jnp.inf, logits),
                jnp.where(shown, boosted + users.boost, -jnp.inf),
            ],
            axis=1,
        )
        logits, place = jax.lax.top_k(logits, k)
        rows = jnp.take_along_axis(jnp.concatenate([rows, users.item], axis=1), place, axis=1)
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
    """Which items of the chosen groups are not hidden from the user of the group."""
    users, n_chosen = chosen.shape
    block, n_groups = hidden // width, len(begins) * (width // group)
    of = block * (width // group) + (hidden - begins[block]) // group
    # The keys ascend, so a search finds each pair. Comparing every pair with every group would take
    # memory for pairs times groups.
    keys = (jnp.arange(users)[:, None] * n_groups + chosen).reshape(-1)
    wanted = jnp.minimum(owner, users) * n_groups + of
    at = jnp.minimum(jnp.searchsorted(keys, wanted), len(keys) - 1)
    place = at * group + hidden - first.reshape(-1)[at]
    place = jnp.where(keys[at] == wanted, place, len(keys) * group)
    unseen = jnp.ones(len(keys) * group, bool).at[place].set(False, mode="drop")
    return unseen.reshape(users, n_chosen * group)
