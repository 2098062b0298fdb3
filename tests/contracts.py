"""Contracts of part folders: tests that run for each file of the folder."""

import inspect
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import export

from m6rec_cli.config.settings import Config
from m6rec_cli.model.decoders import _base as decoders
from m6rec_cli.model.decoders._base import DECODERS
from m6rec_cli.model.encoders import _base as encoders
from m6rec_cli.model.encoders._base import TOWERS
from m6rec_cli.model.generators import _base as generators
from m6rec_cli.model.generators._base import GENERATORS
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS
from m6rec_cli.system.feature_spec import FeatureSpec

WIDTH = 8


def require_constructor(made: object, protocol: type) -> None:
    """Fail unless a class takes the parameters that the constructor's protocol promises."""

    def names(function: Callable) -> list[str]:
        return [name for name in inspect.signature(function).parameters if name != "self"]

    assert inspect.isclass(made)
    assert names(made.__init__) == names(protocol.__call__)


class DecoderContract:
    """A cell is causal, forgets at resets and continues from a state."""

    @pytest.fixture(params=DECODERS.names())
    def cell(self, request):
        return DECODERS.load(request.param).Cell(WIDTH, scan="sequential", rngs=nnx.Rngs(0))

    @pytest.mark.parametrize("name", DECODERS.names())
    def test_decoder_file_satisfies_its_protocol(self, name):
        file = DECODERS.load(name)
        assert isinstance(file, decoders.CellFile)
        require_constructor(file.Cell, decoders.CellConstructor)

    def test_cell_satisfies_its_protocol(self, cell):
        assert isinstance(cell, decoders.Cell)

    @staticmethod
    def inputs(b=3, t=10):
        x = jax.random.normal(jax.random.key(1), (b, t, WIDTH))
        reset = jnp.zeros((b, t), bool).at[:, 0].set(True)
        return x, reset, jax.random.normal(jax.random.key(2), (b, 64))

    def test_cell_outputs_and_states_have_the_documented_shapes(self, cell):
        x, reset, noise = self.inputs()
        y, states = cell(x, reset, noise[:, : cell.state_size])
        assert y.shape == x.shape
        assert states.shape == (*x.shape[:2], cell.state_size)

    def test_cell_outputs_do_not_depend_on_later_inputs(self, cell):
        x, reset, noise = self.inputs()
        state = noise[:, : cell.state_size]
        y, _ = cell(x, reset, state)
        z, _ = cell(x.at[:, 6:].add(1.0), reset, state)
        np.testing.assert_array_equal(y[:, :6], z[:, :6])
        assert not np.allclose(y[:, 6], z[:, 6])

    def test_cell_reset_forgets_all_earlier_inputs(self, cell):
        x, reset, noise = self.inputs()
        reset = reset.at[:, 4].set(True)
        y, _ = cell(x, reset, noise[:, : cell.state_size])
        alone, _ = cell(x[:, 4:], reset[:, 4:], jnp.zeros((3, cell.state_size)))
        np.testing.assert_allclose(y[:, 4:], alone, atol=1e-6)

    def test_cell_continued_from_a_state_equals_one_pass(self, cell):
        x, reset, noise = self.inputs()
        whole, states = cell(x, reset, noise[:, : cell.state_size])
        rest, after = cell(x[:, 7:], jnp.zeros((3, 3), bool), states[:, 6])
        np.testing.assert_allclose(whole[:, 7:], rest, atol=1e-6)
        np.testing.assert_allclose(states[:, -1], after[:, -1], atol=1e-6)

    def test_cell_last_output_depends_on_the_first_input(self, cell):
        x, reset, noise = self.inputs()
        y, _ = cell(x, reset, noise[:, : cell.state_size])
        z, _ = cell(x.at[:, 0].add(1.0), reset, noise[:, : cell.state_size])
        assert np.abs(np.asarray(y[:, -1] - z[:, -1])).max() > 0

    def test_cell_is_lowered_for_any_number_of_rows_and_positions(self, cell):
        b, t = export.symbolic_shape("b, t")
        x = jax.ShapeDtypeStruct((b, t, WIDTH), jnp.float32)
        reset = jax.ShapeDtypeStruct((b, t), bool)
        state = jax.ShapeDtypeStruct((b, cell.state_size), jnp.float32)
        y, states = jax.eval_shape(lambda *inputs: cell(*inputs), x, reset, state)
        assert (y.shape, states.shape) == ((b, t, WIDTH), (b, t, cell.state_size))


class EncoderContract:
    """A tower maps each row of its kind to a vector of width d, differentiably."""

    @pytest.mark.parametrize("name", TOWERS.names())
    def test_encoder_file_satisfies_its_protocol(self, name):
        file = TOWERS.load(name)
        assert isinstance(file, encoders.TowerFile)
        require_constructor(file.Tower, encoders.TowerConstructor)

    @pytest.fixture(params=TOWERS.names())
    def case(self, request):
        rng = np.random.default_rng(0)
        kind, n = request.param, 5
        size, values = {
            "numeric": (1, rng.normal(size=n).astype(np.float32)),
            "categorical": (7, rng.integers(0, 7, n).astype(np.int32)),
            "set": (7, rng.integers(-1, 7, (n, 4)).astype(np.int32)),
            "text": (7, rng.integers(-1, 7, (n, 4)).astype(np.int32)),
            "vector": (6, rng.normal(size=(n, 6)).astype(np.float32)),
            "image": (16, rng.integers(0, 256, (n, 16, 16, 3)).astype(np.uint8)),
            "audio": (6, rng.normal(-7, 4, (n, 3, 6)).astype(np.float16)),
            "video": (16, rng.integers(0, 256, (n, 3, 16, 16, 3)).astype(np.uint8)),
        }[kind]
        storage = FEATURE_KINDS.load(kind).TRAITS.storage
        spec = FeatureSpec(name="f", entity="item", kind=kind, size=size, storage=storage)
        config = Config().model
        tower = TOWERS.load(kind).Tower(spec, config, rngs=nnx.Rngs(0))
        return tower, jnp.asarray(values), config.width

    def test_tower_gives_one_finite_vector_a_row(self, case):
        tower, values, width = case
        assert isinstance(tower, encoders.Tower)
        out = tower(values)
        assert out.shape == (len(values), width)
        assert np.isfinite(out).all()

    def test_tower_is_lowered_for_any_number_of_rows(self, case):
        tower, values, width = case
        (r,) = export.symbolic_shape("r")
        rows = jax.ShapeDtypeStruct((r, *values.shape[1:]), values.dtype)
        assert jax.eval_shape(lambda x: tower(x), rows).shape == (r, width)

    def test_tower_rows_do_not_depend_on_each_other(self, case):
        tower, values, _ = case
        np.testing.assert_allclose(tower(values)[2:3], tower(values[2:3]), atol=1e-5)

    def test_tower_gives_different_rows_different_vectors(self, case):
        tower, values, _ = case
        assert np.abs(np.asarray(tower(values[:1]) - tower(values[1:2]))).max() > 1e-4

    def test_tower_gives_each_parameter_a_gradient(self, case):
        tower, values, _ = case
        graphdef, params = nnx.split(tower)
        # An initial output layer may be zero, and would give earlier layers no gradient.
        params = jax.tree.map(lambda x: x + 0.01, params)
        grads = jax.grad(lambda p: (nnx.merge(graphdef, p)(values) ** 2).sum())(params)
        assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(grads))


class GeneratorContract:
    """A generator starts as the identity and, once trained, depends on context and noise."""

    @pytest.fixture(params=GENERATORS.names())
    def generator(self, request):
        return GENERATORS.load(request.param).Generator(Config().model, rngs=nnx.Rngs(0))

    @pytest.mark.parametrize("name", GENERATORS.names())
    def test_generator_file_satisfies_its_protocol(self, name):
        file = GENERATORS.load(name)
        assert isinstance(file, generators.GeneratorFile)
        require_constructor(file.Generator, generators.GeneratorConstructor)

    def test_generator_satisfies_its_protocol(self, generator):
        assert isinstance(generator, generators.Generator)

    def test_generator_starts_as_the_identity(self, generator):
        h, z = jnp.ones((3, 64)), jnp.ones((3, 16))
        np.testing.assert_array_equal(generator(h, z), h)

    def test_generator_is_lowered_for_any_number_of_contexts(self, generator):
        (n,) = export.symbolic_shape("n")
        h, z = (jax.ShapeDtypeStruct((n, width), jnp.float32) for width in (64, 16))
        assert jax.eval_shape(lambda *inputs: generator(*inputs), h, z).shape == (n, 64)

    def test_generator_trained_depends_on_context_and_noise(self, generator):
        for _, variable in nnx.iter_graph(generator):
            if isinstance(variable, nnx.Param):
                variable.set_value(jax.random.normal(jax.random.key(0), variable.shape))
        h, z = jnp.ones((3, 64)), jnp.ones((3, 16))
        assert not np.allclose(generator(h, z), generator(h, 2 * z))
        assert not np.allclose(generator(h, z), generator(2 * h, z))
