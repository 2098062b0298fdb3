"""Contexts at chosen tokens equal those of a pass that returns every token."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from m6rec_cli.config.model_settings import DecoderConfig, ModelConfig
from m6rec_cli.model import scoring
from m6rec_cli.model.decoders._base import DECODERS
from m6rec_cli.model.fusion import gather_rows
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec, ModelSpec, Tokens
from m6rec_cli.system.feature_spec import FeatureSpec

ROWS, LENGTH, USERS = 4, 12, 9


def world(**decoder):
    """A model that reads profiles; histories of 9 users in 4 rows, the last padded at its end."""
    spec = FeatureSpec(name="taste", entity="user", kind="numeric", size=1, storage="number")
    model = M6Rec(
        ModelConfig(width=8, decoder=DecoderConfig(**decoder)),
        ModelSpec(20, 2, (), (spec,)),
        rngs=nnx.Rngs(0),
    )
    # The profile's bias starts at zero.
    model.encoder.profile_bias.kernel[...] = jax.random.normal(jax.random.key(5), (8, 8))
    rng = np.random.default_rng(0)
    starts = [(0, 0), (0, 5), (0, 8), (1, 0), (1, 11), (2, 0), (2, 6), (3, 0), (3, 4)]
    users = rng.permutation(USERS)
    user, reset = np.zeros((ROWS, LENGTH), np.int32), np.zeros((ROWS, LENGTH), bool)
    for (row, start), one in zip(starts, users, strict=True):
        user[row, start:], reset[row, start] = one, True
    reset[3, 10], user[3, 10:] = True, 0  # padding
    ends = {
        one: (row, position)
        for row in range(ROWS)
        for position, one in enumerate(user[row])
        if (row, position) < (3, 10)
    }
    row, position = (jnp.asarray([ends[one][axis] for one in range(USERS)]) for axis in (0, 1))
    shape = (ROWS, LENGTH)
    draws = (rng.integers(0, n, shape) for n in (20, 2, 5))
    item, event, gap = (x.astype(np.int32) for x in draws)
    tokens = Tokens(*map(jnp.asarray, (np.where(reset, -1, item), event, gap, user, reset)))
    profiles = {"taste": (jnp.asarray(rng.normal(size=USERS), jnp.float32), jnp.ones(USERS, bool))}
    items = jnp.asarray(rng.normal(size=(20, 8)), jnp.float32)
    return model, items, tokens, profiles, row, position


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", DECODERS.names())
def test_final_contexts_equal_those_of_all_tokens_at_the_ends(kind, layers):
    model, items, tokens, profiles, row, position = world(kind=kind, layers=layers)
    everywhere = model.contexts(
        items, tokens, gather_rows(profiles, tokens.user.reshape(-1)), Keys(None)
    )
    ends = scoring.final_contexts(model, items, tokens, profiles, row, position)
    for found, whole in zip(ends, everywhere, strict=True):
        np.testing.assert_allclose(found, whole[row, position], atol=1e-5)


def test_final_contexts_of_a_changed_profile_change_for_its_user_alone():
    model, items, tokens, profiles, row, position = world()
    before, _ = scoring.final_contexts(model, items, tokens, profiles, row, position)
    values, mask = profiles["taste"]
    after, _ = scoring.final_contexts(
        model, items, tokens, {"taste": (values.at[4].add(1.0), mask)}, row, position
    )
    assert (np.abs(before - after).max(axis=1) > 1e-4).tolist() == [
        user == 4 for user in range(USERS)
    ]
