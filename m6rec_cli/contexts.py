"""Histories to context vectors and states, chunk by chunk, so that memory does not grow with the users."""

from typing import Any

import jax
import numpy as np
from flax import nnx

from m6rec_cli import inputs
from m6rec_cli.data.batches import PackedRows
from m6rec_cli.model import scoring
from m6rec_cli.model.fusion import Features
from m6rec_cli.model.recommender import M6Rec

_CHUNK_TOKENS = 65_536


def user_contexts(
    model: M6Rec, items: Any, packed: PackedRows, row: np.ndarray, at: np.ndarray, profiles: Features
) -> tuple[np.ndarray, np.ndarray]:
    """The context after each user's last token, and the decoder's state there.

    Args:
        items: Embeddings of the catalogue (i, d).
        packed: From `pack_histories`, as are `row` and `at`, the place of each user's last token.

    Returns:
        f32 (users, d) and f32 (users, state size).
    """
    order = np.argsort(row, kind="stable")
    chunk = max(1, min(len(packed), _CHUNK_TOKENS // packed.item.shape[1]))
    edges = np.searchsorted(row[order], np.arange(0, len(packed) + chunk, chunk))
    widest = int(np.diff(edges).max(initial=1))
    contexts: np.ndarray | None = None
    states: np.ndarray | None = None
    for i, start in enumerate(range(0, len(packed), chunk)):
        # The last chunk repeats rows, and each repeats users, so that one compiled shape serves all.
        rows = np.minimum(np.arange(start, start + chunk), len(packed) - 1)
        users = order[edges[i] : edges[i + 1]]
        if len(users) == 0:
            continue
        padded = np.resize(users, widest)
        h, s = _final(
            model, items, inputs.tokens(packed.take(rows)), profiles, row[padded] - start, at[padded]
        )
        if contexts is None or states is None:
            contexts = np.empty((len(row), h.shape[1]), np.float32)
            states = np.empty((len(row), s.shape[1]), np.float32)
        contexts[users], states[users] = np.asarray(h)[: len(users)], np.asarray(s)[: len(users)]
    assert contexts is not None and states is not None
    return contexts, states


@nnx.jit
def _final(
    model: M6Rec, items: Any, tokens: Any, profiles: Any, row: Any, at: Any
) -> tuple[jax.Array, jax.Array]:
    return scoring.final_contexts(model, items, tokens, profiles, row, at)
