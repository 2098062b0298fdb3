"""Ranks against comparisons one by one."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.model.scoring import ranks


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_ranks_count_higher_scores_and_half_of_the_ties(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (5, 9)).astype(np.float32)  # few values: many ties
    target = rng.integers(0, 9, 5).astype(np.int32)
    seen = np.full((5, 4), -1, np.int32)
    for u in range(5):
        others = rng.permutation(np.delete(np.arange(9), target[u]))[: rng.integers(0, 5)]
        seen[u, : len(others)] = others
    everywhere, unseen = ranks(jnp.asarray(scores), jnp.asarray(target), jnp.asarray(seen))
    for u in range(5):
        own = scores[u, target[u]]
        kept = np.setdiff1d(np.arange(9), [*seen[u], target[u]])
        others = np.delete(scores[u], target[u])
        for rank, rivals in ((everywhere[u], others), (unseen[u], scores[u, kept])):
            assert rank == (rivals > own).sum() + (rivals == own).sum() / 2
