"""The adversarial losses (article 4.2.1) and the auxiliary losses of pre-training."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from m6rec_cli.model.discriminator import Discriminator, unit_mean_square
from m6rec_cli.model.fusion import Features
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system.shapes import ND, N, Scalar

_CONTRAST_TEMPERATURE = 0.1


def weighted_mean(values: N, weights: N) -> Scalar:
    """The weighted mean; 0 if all weights are 0."""
    return jnp.sum(values * weights) / jnp.maximum(jnp.sum(weights), 1e-6)


def generator_loss(discriminator: Discriminator, h: ND, real: ND, fake: ND, weights: N) -> Scalar:
    """L_gen: the generated item is to score above the real one of the same context.

    The article's -log D(y) with a relativistic discriminator (Jolicoeur-Martineau, 2019, arXiv
    1807.00734): -log sigmoid(D(h, fake) - D(h, real)).
    """
    return weighted_mean(jax.nn.softplus(discriminator(h, real) - discriminator(h, fake)), weights)


def discriminator_loss(
    discriminator: Discriminator, h: ND, real: ND, fake: ND, weights: N, penalty: Scalar | float
) -> Scalar:
    """The relativistic loss with the zero-centred penalties R1 and R2.

    Penalties: Huang et al., 2024, arXiv 2501.05441. The article gives no discriminator loss;
    without one D cannot learn.
    """
    loss = jax.nn.softplus(discriminator(h, fake) - discriminator(h, real))

    def squared_gradient(e: ND) -> N:
        return jnp.sum(jax.grad(lambda x: discriminator(h, x).sum())(e) ** 2, axis=-1)

    return weighted_mean(
        loss + 0.5 * penalty * (squared_gradient(real) + squared_gradient(fake)), weights
    )


def contrast_loss(
    content: Float[Array, "r d"], ids: Float[Array, "r d"], known: Bool[Array, " r"]
) -> Scalar:
    """InfoNCE between content vector and id embedding of the same item, in both directions.

    Args:
        known: Items that have both; the others take no part.
    """
    logits = (
        unit_mean_square(content)
        @ unit_mean_square(ids).T
        / (content.shape[1] * _CONTRAST_TEMPERATURE)
    )
    both_known = known[None] & known[:, None]
    logits = jnp.where(both_known, logits, -1e9)
    weights = known.astype(logits.dtype)
    own = jnp.diagonal(logits)
    return 0.5 * sum(
        (weighted_mean(jax.nn.logsumexp(logits, axis=axis) - own, weights) for axis in (0, 1)),
        jnp.zeros(()),
    )


def reconstruction_loss(model: M6Rec, features: Features, keys: Keys) -> Scalar:
    """Hide one modality of each item and predict it from the others.

    InfoNCE over the items that hide the same modality. A distance would be smallest when the towers
    make all vectors equal.
    """
    fusion = model.encoder.items
    vectors, masks = fusion.modality_vectors(features)
    key = keys()
    assert key is not None
    noise = jax.random.uniform(key, masks.shape)
    hidden = jnp.argmax(jnp.where(masks, noise, -1), axis=0)  # r
    is_hidden = jnp.arange(len(masks))[:, None] == hidden[None]
    usable = masks.sum(axis=0) >= 2
    rest = fusion.fuse(vectors, masks & ~is_hidden)
    predictions = jnp.stack([head(rest) for head in model.encoder.rebuild])
    predicted = jnp.where(is_hidden[..., None], predictions, 0).sum(axis=0)
    truth = jax.lax.stop_gradient(jnp.where(is_hidden[..., None], vectors, 0).sum(axis=0))
    logits = (
        unit_mean_square(predicted)
        @ unit_mean_square(truth).T
        / (truth.shape[1] * _CONTRAST_TEMPERATURE)
    )
    comparable = (hidden[:, None] == hidden[None]) & usable[None]
    own = jnp.diagonal(logits)
    return weighted_mean(
        jax.nn.logsumexp(jnp.where(comparable, logits, -1e9), axis=1) - own,
        usable.astype(logits.dtype),
    )
