"""Contexts and candidates to L_gen, and to the pairs from which the discriminator learns."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from m6rec_cli.config.training_settings import AdversaryConfig, TrainConfig
from m6rec_cli.model.discriminator import Discriminator, unit_mean_square
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.shapes import ID, ND, DomainTable, I, N, N_int, PRNGKey, Scalar
from m6rec_cli.training import losses, slates
from m6rec_cli.training.state import Batch
from m6rec_cli.training.within_domain import domain_bias


class Pairs(NamedTuple):
    """What the discriminator learns from: real and generated items for the same contexts.

    Of a slate of several items it gets the mean embedding, whose length tells how alike they are.
    """

    context: ND
    real: ND
    fake: ND
    weight: N


class Inputs(NamedTuple):
    """What L_gen reads of a step. Only the candidates have a gradient.

    Attributes:
        bias: Logit bias of each item.
        rarity: 1 - popularity percentile of each item.
        weight: f32 (b, t), weights of the targets.
        domains: See `FeatureTables`.
    """

    context: ND
    candidates: ND
    items: ID
    bias: I
    rarity: I
    weight: jax.Array
    domains: DomainTable | None = None


def check(train: TrainConfig) -> None:
    """Refuse settings that contradict each other or have no effect.

    Raises:
        M6RecError: Settings of `train.adversary` have no effect, or need others.
    """
    chosen, default = train.adversary, AdversaryConfig()
    if train.alpha == 1 and chosen != default:
        raise M6RecError(
            "settings of `train.adversary` have no effect at `train.alpha=1`",
            where="train.adversary",
            hint="`--set train.alpha=0.9`, or leave them out",
        )
    rewards = chosen.diversity + chosen.calibration + chosen.tail
    if chosen.fakes != "items" and (chosen.slate > 1 or rewards > 0):
        raise M6RecError(
            "slates and their rewards need catalogue items",
            where=f"train.adversary.fakes: {chosen.fakes}",
            hint="`--set train.adversary.fakes=items`",
        )
    if chosen.diversity > 0 and chosen.slate == 1:
        raise M6RecError(
            "a slate of one item has no diversity to reward",
            where="train.adversary.slate",
            hint="`--set train.adversary.slate=5`",
        )


def generator_loss(
    config: AdversaryConfig,
    discriminator: Discriminator,
    inputs: Inputs,
    batch: Batch,
    key: PRNGKey,
) -> tuple[Scalar, Pairs | None]:
    """L_gen minus the rewards, and the pairs without gradient; None if the discriminator is off."""
    if config.fakes == "vectors":
        pairs, reward = _vector_pairs(inputs, batch), jnp.zeros(())
    else:
        sample_key, item_key = jax.random.split(key)
        at = _sample_positions(inputs.weight.reshape(-1), config.positions, sample_key)
        pairs, reward = _item_pairs(config, inputs, batch, at, item_key)
    if config.weight == 0:
        return -reward, None
    loss = config.weight * losses.generator_loss(discriminator, *pairs) - reward
    return loss, pairs._replace(fake=jax.lax.stop_gradient(pairs.fake))


def _vector_pairs(inputs: Inputs, batch: Batch) -> Pairs:
    """Candidates as they are, against embeddings of the next items."""
    real = unit_mean_square(inputs.items[batch.target.reshape(-1)])
    fake = unit_mean_square(inputs.candidates)
    return Pairs(inputs.context, real, fake, inputs.weight.reshape(-1))


def _sample_positions(weight: N, n: int, key: PRNGKey) -> N_int:
    """Up to n positions, those with a target first, in random order."""
    order = jnp.where(weight > 0, jax.random.uniform(key, weight.shape), -1.0)
    return jax.lax.top_k(order, min(n, len(weight)))[1]


def _item_pairs(
    config: AdversaryConfig, inputs: Inputs, batch: Batch, at: N_int, key: PRNGKey
) -> tuple[Pairs, Scalar]:
    """Catalogue items, or means of them, at the positions `at`; and the weighted sum of rewards."""
    items, weight = unit_mean_square(inputs.items), inputs.weight.reshape(-1)[at]
    target = batch.target.reshape(-1)[at]
    logits = inputs.candidates[at] @ inputs.items.T + inputs.bias[None]
    if inputs.domains is not None:
        logits += domain_bias(inputs.domains, target)
    if config.fakes == "means":
        real, fake = slates.mean_pairs(logits, items, target, key)
        return Pairs(inputs.context[at], real, fake, weight), jnp.zeros(())
    values = jnp.concatenate([items, inputs.rarity[:, None]], axis=1)
    drawn = slates.sample(logits, values, config.slate, key)
    slate, rarity = drawn[..., :-1], drawn[..., -1]
    following = slates.next_items(batch.target, inputs.weight > 0, batch.tokens.reset, config.slate)
    rows, mask = following.rows[at], following.mask[at]
    share = mask / jnp.maximum(mask.sum(axis=1, keepdims=True), 1)
    # A generated slate has as many items as the real one: its mean has the same length.
    real, fake = (jnp.einsum("nk,nkd->nd", share, x) for x in (items[rows], slate))
    pairs = Pairs(inputs.context[at], real, fake, weight)

    reward = jnp.zeros(())
    if config.diversity > 0:
        reward += config.diversity * losses.weighted_mean(slates.diversity(slate), weight)
    if config.calibration > 0:
        history = slates.history_means(items, batch.tokens.item, batch.tokens.reset)[at]
        reward += config.calibration * losses.weighted_mean(
            slates.calibration(slate, history), weight
        )
    if config.tail > 0:
        reward += config.tail * losses.weighted_mean(rarity.mean(axis=1), weight)
    return pairs, reward
