"""Keys of the configuration that say what the model is made of: each does what its comment says."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from m6rec_cli.config import resolve as configuration
from m6rec_cli.model.fusion import gather
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec, ModelSpec
from m6rec_cli.system import registry
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import FeatureSpec
from tests.model.test_recommender import world


def tower(kind, size, *sets):
    config = configuration.resolve(sets=["model.width=8", *sets]).model
    made = registry.load("model.encoders", kind).Tower(
        FeatureSpec("f", "item", kind, size), config, rngs=nnx.Rngs(0)
    )
    # Off the start, where an output layer may be zero.
    graphdef, params = nnx.split(made)
    return nnx.merge(graphdef, jax.tree.map(lambda x: x + 0.1, params))


def n_products(module):
    """Matrices among the parameters."""
    return sum(x.ndim == 2 for x in jax.tree.leaves(nnx.state(module, nnx.Param)))


INPUTS = {
    "vector": (6, np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 6)),
    "image": (16, np.arange(2 * 16 * 16 * 3, dtype=np.uint8).reshape(2, 16, 16, 3)),
    "audio": (6, np.linspace(-12, -2, 36, dtype=np.float16).reshape(2, 3, 6)),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_encoder_activation_and_layers_reach_every_tower_with_an_mlp(kind):
    size, values = INPUTS[kind]
    plain, other, deep = (
        tower(kind, size, *more)
        for more in ((), ("model.encoder.activation=tanh",), ("model.encoder.layers=3",))
    )
    assert not np.allclose(plain(jnp.asarray(values)), other(jnp.asarray(values)))
    assert n_products(other) == n_products(plain)
    assert n_products(deep) == n_products(plain) + 2


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_encoder_activation_is_that_of_the_first_layer_too(kind):
    """With tanh nothing that reaches the second layer is beyond 1; without bounds it is."""
    size, values = INPUTS[kind]
    made = tower(kind, size, "model.encoder.activation=tanh")
    heard, mlp = [], made.mlp
    made.mlp = lambda x: heard.append(x) or mlp(x)
    made(jnp.asarray(values))
    assert np.abs(heard[0]).max() <= 1
    assert np.min(heard[0]) < 0


@pytest.mark.parametrize("time_gaps", [True, False])
def test_time_gaps_are_read_only_if_they_are_asked_for(time_gaps):
    model, items, tokens, profiles, *_ = world(time_gaps=time_gaps)
    if time_gaps:
        model.encoder.gaps[...] = jax.random.normal(jax.random.key(3), model.encoder.gaps.shape)
    later = dataclasses.replace(tokens, gap=tokens.gap + 3)
    read = [
        model.contexts(items, t, gather(profiles, t.user.reshape(-1)), Keys(None))[0]
        for t in (tokens, later)
    ]
    assert np.array_equal(*read) != time_gaps


def test_scan_gives_the_same_contexts_both_ways():
    found = []
    for scan in ("sequential", "parallel"):
        model, items, tokens, profiles, *_ = world(scan=scan)
        found.append(
            model.contexts(items, tokens, gather(profiles, tokens.user.reshape(-1)), Keys(None))[0]
        )
    np.testing.assert_allclose(*found, atol=1e-5)


def test_generator_of_an_unknown_kind_names_those_there_are():
    with pytest.raises(M6RecError, match="cannot be `resdual`") as caught:
        configuration.resolve(sets=["model.generator.kind=resdual"])
    assert "residual" in str(caught.value)
    model = M6Rec(
        configuration.resolve(sets=["model.generator.kind=residual"]).model,
        ModelSpec(5, 1, (), ()),
        rngs=nnx.Rngs(0),
    )
    assert type(model.generator) is registry.load("model.generators", "residual").Generator
