import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from m6rec_cli.config.settings import Config
from m6rec_cli.model.discriminator import Discriminator, unit_mean_square
from m6rec_cli.training import losses


def world(n=6, d=64):
    keys = jax.random.split(jax.random.key(0), 3)
    h, real, fake = (jax.random.normal(k, (n, d)) for k in keys)
    return (
        Discriminator(Config().model, rngs=nnx.Rngs(0)),
        h,
        real,
        fake,
        jnp.arange(n, dtype=jnp.float32),
    )


def test_generator_and_discriminator_loss_pull_in_opposite_directions():
    judge, h, real, fake, w = world()
    gap = np.asarray(judge(h, fake) - judge(h, real))
    want_g = (np.log1p(np.exp(-gap)) * w).sum() / w.sum()
    want_d = (np.log1p(np.exp(gap)) * w).sum() / w.sum()
    np.testing.assert_allclose(losses.generator_loss(judge, h, real, fake, w), want_g, rtol=1e-5)
    np.testing.assert_allclose(
        losses.discriminator_loss(judge, h, real, fake, w, 0.0), want_d, rtol=1e-5
    )


def test_discriminator_penalty_is_the_squared_slope_in_the_item():
    judge, h, real, fake, w = world()
    plain, penalised = (losses.discriminator_loss(judge, h, real, fake, w, p) for p in (0.0, 2.0))
    step = 1e-2

    def slope_squared(e):
        rows = []
        for j in range(e.shape[1]):
            up, down = e.at[:, j].add(step), e.at[:, j].add(-step)
            rows.append((np.asarray(judge(h, up)) - np.asarray(judge(h, down))) / (2 * step))
        return (np.stack(rows) ** 2).sum(axis=0)

    want = ((slope_squared(real) + slope_squared(fake)) * w).sum() / w.sum()
    np.testing.assert_allclose(penalised - plain, want, rtol=2e-2)


def test_weighted_mean_without_weight_is_zero():
    assert losses.weighted_mean(jnp.ones(3), jnp.zeros(3)) == 0


def test_contrast_is_least_when_content_and_id_agree():
    _, a, b, _, _ = world()
    known = jnp.array([True] * 5 + [False])
    agree, differ = losses.contrast_loss(a, a, known), losses.contrast_loss(a, b, known)
    assert agree < differ
    # Rows without id or content take no part.
    np.testing.assert_allclose(losses.contrast_loss(a.at[5].add(9.0), a, known), agree, rtol=1e-5)


def test_unit_has_mean_square_one_and_keeps_the_direction():
    _, a, _, _, _ = world()
    np.testing.assert_allclose((unit_mean_square(a) ** 2).mean(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(unit_mean_square(3 * a), unit_mean_square(a), rtol=1e-5)
