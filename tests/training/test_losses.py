"""Adversarial and auxiliary losses against their formulas."""

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


def test_generator_and_discriminator_loss_are_opposed_softplus_of_the_gap():
    discriminator, h, real, fake, w = world()
    gap = np.asarray(discriminator(h, fake) - discriminator(h, real))
    expected_g = (np.log1p(np.exp(-gap)) * w).sum() / w.sum()
    expected_d = (np.log1p(np.exp(gap)) * w).sum() / w.sum()
    np.testing.assert_allclose(
        losses.generator_loss(discriminator, h, real, fake, w), expected_g, rtol=1e-5
    )
    np.testing.assert_allclose(
        losses.discriminator_loss(discriminator, h, real, fake, w, 0.0), expected_d, rtol=1e-5
    )


def test_discriminator_loss_penalty_is_the_squared_gradient_by_the_item():
    discriminator, h, real, fake, w = world()
    plain, penalised = (
        losses.discriminator_loss(discriminator, h, real, fake, w, p) for p in (0.0, 2.0)
    )
    step = 1e-2

    def squared_gradient(e):
        rows = []
        for j in range(e.shape[1]):
            up, down = e.at[:, j].add(step), e.at[:, j].add(-step)
            rows.append(
                (np.asarray(discriminator(h, up)) - np.asarray(discriminator(h, down))) / (2 * step)
            )
        return (np.stack(rows) ** 2).sum(axis=0)

    expected = ((squared_gradient(real) + squared_gradient(fake)) * w).sum() / w.sum()
    np.testing.assert_allclose(penalised - plain, expected, rtol=2e-2)


def test_weighted_mean_with_zero_weights_is_zero():
    assert losses.weighted_mean(jnp.ones(3), jnp.zeros(3)) == 0


def test_contrast_loss_is_lower_if_content_and_id_agree():
    _, a, b, _, _ = world()
    known = jnp.array([True] * 5 + [False])
    agree, differ = losses.contrast_loss(a, a, known), losses.contrast_loss(a, b, known)
    assert agree < differ
    # Items without id or content take no part.
    np.testing.assert_allclose(losses.contrast_loss(a.at[5].add(9.0), a, known), agree, rtol=1e-5)


def test_unit_mean_square_keeps_the_direction():
    _, a, _, _, _ = world()
    np.testing.assert_allclose((unit_mean_square(a) ** 2).mean(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(unit_mean_square(3 * a), unit_mean_square(a), rtol=1e-5)
