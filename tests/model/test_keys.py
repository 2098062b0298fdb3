"""Configuration keys of the model: each has the effect that its comment describes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from m6rec_cli.config import resolve as configuration
from m6rec_cli.model.encoders._base import TOWERS
from m6rec_cli.model.fusion import gather_rows
from m6rec_cli.model.generators._base import GENERATORS
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec, ModelSpec
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import FeatureSpec
from tests.model.test_recommender import world


def tower(kind, size, *sets):
    config = configuration.resolve(sets=["model.width=8", *sets]).model
    spec = FeatureSpec(name="f", entity="item", kind=kind, size=size, storage="array")
    graphdef, params = nnx.split(TOWERS.load(kind).Tower(spec, config, rngs=nnx.Rngs(0)))
    # Initial output layers may be zero.
    return nnx.merge(graphdef, jax.tree.map(lambda x: x + 0.1, params))


def n_matrices(module):
    """Matrices among the parameters."""
    return sum(x.ndim == 2 for x in jax.tree.leaves(nnx.state(module, nnx.Param)))


INPUTS = {
    "vector": (6, np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 6)),
    "image": (16, np.arange(2 * 16 * 16 * 3, dtype=np.uint8).reshape(2, 16, 16, 3)),
    "audio": (6, np.linspace(-12, -2, 36, dtype=np.float16).reshape(2, 3, 6)),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_encoder_activation_and_layers_change_each_tower_with_an_mlp(kind):
    size, values = INPUTS[kind]
    default, tanh, deep = (
        tower(kind, size, *more)
        for more in ((), ("model.encoder.activation=tanh",), ("model.encoder.layers=3",))
    )
    assert not np.allclose(default(jnp.asarray(values)), tanh(jnp.asarray(values)))
    assert n_matrices(tanh) == n_matrices(default)
    assert n_matrices(deep) == n_matrices(default) + 2


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_encoder_activation_applies_to_the_first_layer(kind):
    """With tanh, inputs of the second layer lie within 1, and some are negative."""
    size, values = INPUTS[kind]
    tested = tower(kind, size, "model.encoder.activation=tanh")
    inputs, mlp = [], tested.mlp
    tested.mlp = lambda x: inputs.append(x) or mlp(x)
    tested(jnp.asarray(values))
    assert np.abs(inputs[0]).max() <= 1
    assert np.min(inputs[0]) < 0


@pytest.mark.parametrize("time_gaps", [True, False])
def test_time_gaps_change_contexts_only_if_switched_on(time_gaps):
    model, items, tokens, profiles, *_ = world(time_gaps=time_gaps)
    if time_gaps:
        model.encoder.gaps[...] = jax.random.normal(jax.random.key(3), model.encoder.gaps.shape)
    later = dataclasses.replace(tokens, gap=tokens.gap + 3)
    contexts = [
        model.contexts(items, t, gather_rows(profiles, t.user.reshape(-1)), Keys(None))[0]
        for t in (tokens, later)
    ]
    assert np.array_equal(*contexts) != time_gaps


def test_scan_sequential_and_parallel_give_the_same_contexts():
    contexts = []
    for scan in ("sequential", "parallel"):
        model, items, tokens, profiles, *_ = world(scan=scan)
        own = gather_rows(profiles, tokens.user.reshape(-1))
        contexts.append(model.contexts(items, tokens, own, Keys(None))[0])
    np.testing.assert_allclose(*contexts, atol=1e-5)


def test_generator_of_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(M6RecError, match="cannot be `resdual`") as caught:
        configuration.resolve(sets=["model.generator.kind=resdual"])
    assert "residual" in str(caught.value)
    model = M6Rec(
        configuration.resolve(sets=["model.generator.kind=residual"]).model,
        ModelSpec(5, 1, (), ()),
        rngs=nnx.Rngs(0),
    )
    assert type(model.generator) is GENERATORS.load("residual").Generator
