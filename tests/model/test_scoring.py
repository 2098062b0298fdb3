"""Ranks against a stable sort of the scores."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.model.scoring import ranks


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_ranks_equal_the_positions_in_a_stable_sort(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (5, 9)).astype(np.float32)  # few values: many ties
    target = rng.integers(0, 9, 5).astype(np.int32)
    seen = np.full((5, 4), -1, np.int32)
    for u in range(5):
        others = rng.permutation(np.delete(np.arange(9), target[u]))[: rng.integers(0, 5)]
        seen[u, : len(others)] = others
    everywhere, unseen = ranks(jnp.asarray(scores), jnp.asarray(target), jnp.asarray(seen))
    for u in range(5):
        order = np.argsort(-scores[u], kind="stable").tolist()
        assert everywhere[u] == order.index(target[u])
        kept = [i for i in order if i not in set(seen[u].tolist())]
        assert unseen[u] == kept.index(target[u])
