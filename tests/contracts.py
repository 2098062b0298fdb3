"""What each kind of part promises; every file of a part folder inherits the tests of its kind."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from m6rec_cli.config.settings import Config
from m6rec_cli.system import registry
from m6rec_cli.system.feature_spec import FeatureSpec

WIDTH = 8


class DecoderContract:
    """A cell reads histories from left to right, forgets at resets and can go on from a state."""

    @pytest.fixture(params=registry.names("model.decoders"))
    def cell(self, request):
        return registry.load("model.decoders", request.param).Cell(
            WIDTH, scan="sequential", rngs=nnx.Rngs(0)
        )

    @staticmethod
    def inputs(b=3, t=10):
        x = jax.random.normal(jax.random.key(1), (b, t, WIDTH))
        reset = jnp.zeros((b, t), bool).at[:, 0].set(True)
        return x, reset, jax.random.normal(jax.random.key(2), (b, 64))

    def test_cell_outputs_have_the_promised_shapes(self, cell):
        x, reset, noise = self.inputs()
        y, states = cell(x, reset, noise[:, : cell.state_size])
        assert y.shape == x.shape
        assert states.shape == (*x.shape[:2], cell.state_size)

    def test_cell_is_causal(self, cell):
        x, reset, noise = self.inputs()
        state = noise[:, : cell.state_size]
        y, _ = cell(x, reset, state)
        z, _ = cell(x.at[:, 6:].add(1.0), reset, state)
        np.testing.assert_array_equal(y[:, :6], z[:, :6])
        assert not np.allclose(y[:, 6], z[:, 6])

    def test_cell_reset_forgets_everything_before(self, cell):
        x, reset, noise = self.inputs()
        reset = reset.at[:, 4].set(True)
        y, _ = cell(x, reset, noise[:, : cell.state_size])
        alone, _ = cell(x[:, 4:], reset[:, 4:], jnp.zeros((3, cell.state_size)))
        np.testing.assert_allclose(y[:, 4:], alone, atol=1e-6)

    def test_cell_goes_on_from_a_state(self, cell):
        x, reset, noise = self.inputs()
        whole, states = cell(x, reset, noise[:, : cell.state_size])
        rest, after = cell(x[:, 7:], jnp.zeros((3, 3), bool), states[:, 6])
        np.testing.assert_allclose(whole[:, 7:], rest, atol=1e-6)
        np.testing.assert_allclose(states[:, -1], after[:, -1], atol=1e-6)

    def test_cell_remembers_the_first_event(self, cell):
        x, reset, noise = self.inputs()
        y, _ = cell(x, reset, noise[:, : cell.state_size])
        z, _ = cell(x.at[:, 0].add(1.0), reset, noise[:, : cell.state_size])
        assert np.abs(np.asarray(y[:, -1] - z[:, -1])).max() > 0


class EncoderContract:
    """A tower maps the rows of its kind to vectors of width d, each row on its own, differentiably."""

    @pytest.fixture(params=registry.names("model.encoders"))
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
        spec = FeatureSpec("f", "item", kind, size)
        config = Config().model
        tower = registry.load("model.encoders", kind).Tower(spec, config, rngs=nnx.Rngs(0))
        return tower, jnp.asarray(values), config.width

    def test_tower_gives_one_finite_vector_a_row(self, case):
        tower, values, width = case
        out = tower(values)
        assert out.shape == (len(values), width)
        assert np.isfinite(out).all()

    def test_tower_rows_do_not_depend_on_each_other(self, case):
        tower, values, _ = case
        np.testing.assert_allclose(tower(values)[2:3], tower(values[2:3]), atol=1e-5)

    def test_tower_tells_rows_apart(self, case):
        tower, values, _ = case
        assert np.abs(np.asarray(tower(values[:1]) - tower(values[1:2]))).max() > 1e-4

    def test_tower_passes_a_gradient_to_its_parameters(self, case):
        tower, values, _ = case
        graphdef, params = nnx.split(tower)
        # Off the start, where an output layer may be zero and hold back what lies before it.
        params = jax.tree.map(lambda x: x + 0.01, params)
        grads = jax.grad(lambda p: (nnx.merge(graphdef, p)(values) ** 2).sum())(params)
        assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(grads))


class GeneratorContract:
    """A generator starts as the identity and, once trained, depends on the noise."""

    @pytest.fixture(params=registry.names("model.generators"))
    def generator(self, request):
        return registry.load("model.generators", request.param).Generator(
            Config().model, rngs=nnx.Rngs(0)
        )

    def test_generator_starts_as_the_identity(self, generator):
        h, z = jnp.ones((3, 64)), jnp.ones((3, 16))
        np.testing.assert_array_equal(generator(h, z), h)

    def test_generator_trained_depends_on_context_and_noise(self, generator):
        for _, variable in nnx.iter_graph(generator):
            if isinstance(variable, nnx.Param):
                variable.set_value(jax.random.normal(jax.random.key(0), variable.shape))
        h, z = jnp.ones((3, 64)), jnp.ones((3, 16))
        assert not np.allclose(generator(h, z), generator(h, 2 * z))
        assert not np.allclose(generator(h, z), generator(2 * h, z))
