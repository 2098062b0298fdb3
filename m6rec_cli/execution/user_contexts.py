"""Histories of users to context vectors and decoder states, in chunks of bounded memory."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from m6rec_cli.data.packing import PackedRows
from m6rec_cli.execution import model_inputs
from m6rec_cli.model import scoring
from m6rec_cli.model.fusion import Features, gather_rows
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec, Tokens
from m6rec_cli.system import device_defaults, runtime, signals
from m6rec_cli.system.shapes import ID


def round_up_size(n: int) -> int:
    """`n` rounded up by a quarter at most, to one of few sizes: each is compiled once."""
    step = 1 << max(n.bit_length() - 3, 0)
    return -(-n // step) * step


def user_contexts(
    model: M6Rec,
    items: ID,
    packed: PackedRows,
    row: np.ndarray,
    position: np.ndarray,
    profiles: Features,
) -> tuple[np.ndarray, np.ndarray]:
    """Context and decoder state of each user after the last token of their history.

    Args:
        items: Embeddings of the catalogue.
        packed: From `pack_histories`, as are `row` and `position`, those of each user's last token.
        profiles: Features of users by the users of `packed`.

    Returns:
        f32 (u, d) and f32 (u, s).
    """
    contexts = np.zeros((len(row), model.encoder.start.shape[0]), np.float32)
    states = np.zeros((len(row), model.decoder.state_size), np.float32)
    order = np.argsort(row, kind="stable")
    chunk = max(
        1,
        min(
            round_up_size(len(packed)),
            device_defaults.current().context_tokens // packed.item.shape[1],
        ),
    )
    edges = np.searchsorted(row[order], np.arange(0, len(packed) + chunk, chunk))
    widest = round_up_size(int(np.diff(edges).max(initial=1)))
    for i, start in enumerate(range(0, len(packed), chunk)):
        signals.check_stop()
        users = order[edges[i] : edges[i + 1]]
        if len(users) == 0:
            continue
        # Chunks repeat their last row, and their users, so that few shapes are compiled.
        rows = np.minimum(np.arange(start, start + chunk), len(packed) - 1)
        padded = np.resize(users, widest)
        h, s = compiled_final_contexts(
            model,
            items,
            model_inputs.packed_tokens(packed.take(rows)),
            profiles,
            row[padded] - start,
            position[padded],
        )
        contexts[users], states[users] = (
            runtime.fetch_array(h)[: len(users)],
            runtime.fetch_array(s)[: len(users)],
        )
    return contexts, states


def advance_contexts(
    model: M6Rec,
    items: ID,
    tokens: Tokens,
    position: np.ndarray,
    states: np.ndarray,
    profiles: Features,
) -> tuple[np.ndarray, np.ndarray]:
    """Context and decoder state of users after new events, from the state before them.

    Args:
        items: Embeddings of the catalogue.
        tokens: The new events, one user a row, numpy arrays (u, t), padded at the end.
        position: Position of each user's last token, int (u,).
        states: f32 (u, s), before the first token.
        profiles: Features of users by `tokens.user`.

    Returns:
        f32 (u, d) and f32 (u, s).
    """
    n = len(position)
    # Users repeat at the end, so that few shapes are compiled.
    rows = np.resize(np.arange(n), round_up_size(n))
    padded = Tokens(
        *(x[rows] for x in (tokens.item, tokens.event, tokens.gap, tokens.user, tokens.reset))
    )
    h, s = compiled_advance(model, items, padded, profiles, states[rows], position[rows])
    return np.asarray(h)[:n], np.asarray(s)[:n]


@jax.jit
def compiled_advance(
    model: M6Rec,
    items: ID,
    tokens: Tokens,
    profiles: Features,
    states: Float[Array, "u s"],
    position: Int[Array, " u"],
) -> tuple[Float[Array, "u d"], Float[Array, "u s"]]:
    """`advance_contexts` of one shape."""
    users = jnp.arange(len(position))
    own = gather_rows(profiles, tokens.user[:, 0]) if profiles else {}
    profile_row = jnp.broadcast_to(users[:, None], tokens.item.shape)
    return model.contexts(
        items, tokens, own, Keys(None), states, at=(users, position), profile_row=profile_row
    )


@jax.jit
def compiled_final_contexts(
    model: M6Rec,
    items: ID,
    tokens: Tokens,
    profiles: Features,
    row: Int[Array, " u"],
    position: Int[Array, " u"],
) -> tuple[Float[Array, "u d"], Float[Array, "u s"]]:
    """The chunk of `user_contexts` in one shape."""
    return scoring.final_contexts(model, items, tokens, profiles, row, position)
