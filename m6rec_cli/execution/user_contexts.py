"""Histories to context vectors and states, chunk by chunk, so that memory does not grow with the users."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from m6rec_cli.data.packing import PackedRows
from m6rec_cli.execution import model_inputs
from m6rec_cli.model import scoring
from m6rec_cli.model.fusion import Features, gather
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec, Tokens
from m6rec_cli.system import runtime, signals

_CHUNK_TOKENS = {"cpu": 8192}
"""Tokens that are read at once, 65,536 elsewhere: on a CPU their feed-forward layers have to fit into its cache."""


def round_up_size(n: int) -> int:
    """A size a little above `n` (a quarter at the most), of which there are few: each is compiled once."""
    step = 1 << max(n.bit_length() - 3, 0)
    return -(-n // step) * step


def user_contexts(
    model: M6Rec,
    items: Any,
    packed: PackedRows,
    row: np.ndarray,
    at: np.ndarray,
    profiles: Features,
) -> tuple[np.ndarray, np.ndarray]:
    """The context after each user's last token, and the decoder's state there.

    Args:
        items: Embeddings of the catalogue (i, d).
        packed: From `pack_histories`, as are `row` and `at`, the place of each user's last token.

    Returns:
        f32 (users, d) and f32 (users, state size).
    """
    contexts = np.zeros((len(row), model.encoder.start.shape[0]), np.float32)
    states = np.zeros((len(row), model.decoder.state_size), np.float32)
    order = np.argsort(row, kind="stable")
    chunk = max(
        1,
        min(
            round_up_size(len(packed)),
            _CHUNK_TOKENS.get(jax.default_backend(), 65_536) // packed.item.shape[1],
        ),
    )
    edges = np.searchsorted(row[order], np.arange(0, len(packed) + chunk, chunk))
    widest = round_up_size(int(np.diff(edges).max(initial=1)))
    for i, start in enumerate(range(0, len(packed), chunk)):
        signals.check()
        users = order[edges[i] : edges[i + 1]]
        if len(users) == 0:
            continue
        # The chunk repeats its last row, and each its users, so that few shapes are compiled.
        rows = np.minimum(np.arange(start, start + chunk), len(packed) - 1)
        padded = np.resize(users, widest)
        h, s = _final(
            model,
            items,
            model_inputs.tokens(packed.take(rows)),
            profiles,
            row[padded] - start,
            at[padded],
        )
        contexts[users], states[users] = (
            runtime.fetch(h)[: len(users)],
            runtime.fetch(s)[: len(users)],
        )
    return contexts, states


def advanced_contexts(
    model: M6Rec, items: Any, tokens: Tokens, at: np.ndarray, states: np.ndarray, profiles: Features
) -> tuple[np.ndarray, np.ndarray]:
    """Context and state of users of whom the state after earlier events is known, after a few events more.

    Args:
        tokens: The new events of one user a row, numpy arrays (n, t); what follows the last one is padding.
        at: The place of each user's last token, int (n,).
        states: f32 (n, state size), before the first token.
        profiles: Features of the users by `tokens.user`.

    Returns:
        f32 (n, d) and f32 (n, state size).
    """
    n = len(at)
    # Users are repeated at the end, so that few shapes are compiled.
    rows = np.resize(np.arange(n), round_up_size(n))
    padded = Tokens(
        *(x[rows] for x in (tokens.item, tokens.event, tokens.gap, tokens.user, tokens.reset))
    )
    h, s = _advance(model, items, padded, profiles, states[rows], at[rows])
    return np.asarray(h)[:n], np.asarray(s)[:n]


@jax.jit
def _advance(
    model: M6Rec, items: Any, tokens: Any, profiles: Any, states: Any, at: Any
) -> tuple[jax.Array, jax.Array]:
    users = jnp.arange(len(at))
    own = gather(profiles, tokens.user[:, 0]) if profiles else {}
    owner = jnp.broadcast_to(users[:, None], tokens.item.shape)
    return model.contexts(items, tokens, own, Keys(None), states, (users, at), owner)


@jax.jit
def _final(
    model: M6Rec, items: Any, tokens: Any, profiles: Any, row: Any, at: Any
) -> tuple[jax.Array, jax.Array]:
    return scoring.final_contexts(model, items, tokens, profiles, row, at)
