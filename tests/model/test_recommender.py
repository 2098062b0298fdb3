"""A model that is asked at some places says there what it says when it is asked everywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from m6rec_cli.config.settings import DecoderConfig, ModelConfig
from m6rec_cli.model import scoring
from m6rec_cli.model.fusion import gather
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec, ModelSpec, Tokens
from m6rec_cli.system import registry
from m6rec_cli.system.feature_spec import FeatureSpec

ROWS, LENGTH, USERS = 4, 12, 9


def world(**decoder):
    """A model that reads profiles, and histories of nine users in four rows, the last of which ends in padding."""
    spec = FeatureSpec("taste", "user", "numeric", size=1, length=1, state={})
    model = M6Rec(
        ModelConfig(width=8, decoder=DecoderConfig(**decoder)),
        ModelSpec(20, 2, (), (spec,)),
        rngs=nnx.Rngs(0),
    )
    # As it begins, the profile's bias is zero.
    model.encoder.profile_bias.kernel[...] = jax.random.normal(jax.random.key(5), (8, 8))
    rng = np.random.default_rng(0)
    starts = [(0, 0), (0, 5), (0, 8), (1, 0), (1, 11), (2, 0), (2, 6), (3, 0), (3, 4)]
    who = rng.permutation(USERS)
    user, reset = np.zeros((ROWS, LENGTH), np.int32), np.zeros((ROWS, LENGTH), bool)
    for (row, place), one in zip(starts, who, strict=True):
        user[row, place:], reset[row, place] = one, True
    reset[3, 10], user[3, 10:] = True, 0  # padding
    ends = {
        one: (row, place)
        for row in range(ROWS)
        for place, one in enumerate(user[row])
        if (row, place) < (3, 10)
    }
    row, at = (jnp.asarray([ends[one][axis] for one in range(USERS)]) for axis in (0, 1))
    shape = (ROWS, LENGTH)
    drawn = (rng.integers(0, most, shape) for most in (20, 2, 5))
    item, event, gap = (x.astype(np.int32) for x in drawn)
    tokens = Tokens(*map(jnp.asarray, (np.where(reset, -1, item), event, gap, user, reset)))
    profiles = {"taste": (jnp.asarray(rng.normal(size=USERS), jnp.float32), jnp.ones(USERS, bool))}
    items = jnp.asarray(rng.normal(size=(20, 8)), jnp.float32)
    return model, items, tokens, profiles, row, at


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", registry.names("model.decoders"))
def test_final_contexts_are_those_of_all_places_at_the_ends(kind, layers):
    model, items, tokens, profiles, row, at = world(kind=kind, layers=layers)
    everywhere = model.contexts(
        items, tokens, gather(profiles, tokens.user.reshape(-1)), Keys(None)
    )
    ends = scoring.final_contexts(model, items, tokens, profiles, row, at)
    for found, whole in zip(ends, everywhere, strict=True):
        np.testing.assert_allclose(found, whole[row, at], atol=1e-5)


def test_final_contexts_feel_the_profile():
    model, items, tokens, profiles, row, at = world()
    before, _ = scoring.final_contexts(model, items, tokens, profiles, row, at)
    values, mask = profiles["taste"]
    after, _ = scoring.final_contexts(
        model, items, tokens, {"taste": (values.at[4].add(1.0), mask)}, row, at
    )
    assert (np.abs(before - after).max(axis=1) > 1e-4).tolist() == [
        user == 4 for user in range(USERS)
    ]
