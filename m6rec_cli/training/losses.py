"""The losses: L = alpha L_rec + (1 - alpha) L_gen (article 4.2.1), and pre-training's own."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from m6rec_cli.model.discriminator import Discriminator, unit
from m6rec_cli.model.fusion import Features
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system.shapes import ND, N, Scalar

_CONTRAST_TEMPERATURE = 0.1


def weighted_mean(values: N, weights: N) -> Scalar:
    """Mean with weights; 0 if they are all 0."""
    return jnp.sum(values * weights) / jnp.maximum(jnp.sum(weights), 1e-6)


def generator_loss(judge: Discriminator, h: ND, real: ND, fake: ND, weights: N) -> Scalar:
    """L_gen: what is generated is to be judged above the real event of the same context.

    The article's -log D(y) with a relativistic discriminator (Jolicoeur-Martineau, 2019, arXiv
    1807.00734): -log sigmoid(D(h, fake) - D(h, real)).
    """
    return weighted_mean(jax.nn.softplus(judge(h, real) - judge(h, fake)), weights)


def discriminator_loss(
    judge: Discriminator, h: ND, real: ND, fake: ND, weights: N, penalty: float
) -> Scalar:
    """The other side, with the zero-centred penalties R1 and R2 (Huang et al., 2024, arXiv 2501.05441).

    The article leaves this loss unsaid; without it D cannot learn.
    """
    loss = jax.nn.softplus(judge(h, fake) - judge(h, real))

    def squared_slope(e: ND) -> N:
        return jnp.sum(jax.grad(lambda x: judge(h, x).sum())(e) ** 2, axis=-1)

    return weighted_mean(
        loss + 0.5 * penalty * (squared_slope(real) + squared_slope(fake)), weights
    )


def contrast(
    content: Float[Array, "r d"], ids: Float[Array, "r d"], known: Bool[Array, " r"]
) -> Scalar:
    """InfoNCE between content and id of the same item, both ways; rows with both take part."""
    logits = unit(content) @ unit(ids).T / (content.shape[1] * _CONTRAST_TEMPERATURE)
    both = known[None] & known[:, None]
    logits = jnp.where(both, logits, -1e9)
    weights = known.astype(logits.dtype)
    own = jnp.diagonal(logits)
    return 0.5 * sum(
        (weighted_mean(jax.nn.logsumexp(logits, axis=axis) - own, weights) for axis in (0, 1)),
        jnp.zeros(()),
    )


def reconstruction(model: M6Rec, features: Features, keys: Keys) -> Scalar:
    """Hide one modality of each item and find it again, among the hidden ones of its kind, from the others.

    Found by InfoNCE and not by distance: a distance is least when all modalities become alike.
    """
    fusion = model.encoder.items
    vectors, masks = fusion.modalities(features)
    key = keys()
    assert key is not None
    noise = jax.random.uniform(key, masks.shape)
    hidden = jnp.argmax(jnp.where(masks, noise, -1), axis=0)  # r
    is_hidden = jnp.arange(len(masks))[:, None] == hidden[None]
    usable = masks.sum(axis=0) >= 2
    rest = fusion.fuse(vectors, masks & ~is_hidden)
    guesses = jnp.stack([head(rest) for head in model.encoder.rebuild])
    guess = jnp.where(is_hidden[..., None], guesses, 0).sum(axis=0)
    truth = jax.lax.stop_gradient(jnp.where(is_hidden[..., None], vectors, 0).sum(axis=0))
    logits = unit(guess) @ unit(truth).T / (truth.shape[1] * _CONTRAST_TEMPERATURE)
    comparable = (hidden[:, None] == hidden[None]) & usable[None]
    own = jnp.diagonal(logits)
    return weighted_mean(
        jax.nn.logsumexp(jnp.where(comparable, logits, -1e9), axis=1) - own,
        usable.astype(logits.dtype),
    )
