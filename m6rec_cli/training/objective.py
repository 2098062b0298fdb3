"""A batch to the training loss, L = alpha L_rec + (1 - alpha) L_gen (article 4.2.1)."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from m6rec_cli.config.settings import Config
from m6rec_cli.execution.layout import Layout
from m6rec_cli.execution.model_inputs import FeatureTables
from m6rec_cli.model.fusion import gather_rows
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system.shapes import ID, ND, I, N, N_int, PRNGKey, Scalar
from m6rec_cli.training import adversary, losses, target_weights
from m6rec_cli.training.adversary import Pairs
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.softmax import position_losses, sampled_cross_entropy, sampled_losses
from m6rec_cli.training.state import Batch, TrainingState
from m6rec_cli.training.within_domain import with_domains

AUXILIARY_ROWS = 768
"""Items per step in the reconstruction and contrastive losses, which compare each pair of them."""

_ADVERSARY = 1 << 16
"""Number of the random stream of L_gen; those of `Keys` and the noise are smaller."""

Metrics = dict[str, Array]


class LossOutput(NamedTuple):
    """What `Objective.loss` computes beside the loss."""

    metrics: Metrics
    content: ID
    pairs: Pairs | None


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The training loss, a pure function of parameters and batch.

    Attributes:
        typical_targets: See `TrainingBatches.typical_targets`.
        rarity: f32 (i,), 1 - popularity percentile of each item.
    """

    graphdef: nnx.GraphDef[M6Rec]
    config: Config
    n_modalities: int
    layout: Layout
    typical_targets: int
    rarity: np.ndarray

    @property
    def is_adversarial(self) -> bool:
        """Whether L_gen has a weight; at alpha = 1 nothing of it is computed."""
        return self.config.train.alpha < 1 and "generator" in self.config.train.trainable

    def active_losses(self, batch: Batch) -> set[str]:
        """The names of the losses that a step computes."""
        weights, has_fresh_items = self.config.train.loss, batch.fresh_items.shape[-1] > 0
        is_active = {
            "rec_loss": True,
            "gen_loss": self.is_adversarial,
            "discriminator_loss": self.is_adversarial and self.config.train.adversary.weight > 0,
            "reconstruction_loss": weights.reconstruction > 0
            and has_fresh_items
            and self.n_modalities > 1,
            "contrast_loss": weights.contrast > 0
            and has_fresh_items
            and self.config.model.item_ids,
        }
        return {name for name, active in is_active.items() if active}

    def loss(
        self,
        params: nnx.State,
        state: TrainingState,
        batch: Batch,
        tables: FeatureTables,
        key: PRNGKey,
    ) -> tuple[Scalar, LossOutput]:
        """L = alpha L_rec + (1 - alpha) L_gen (article 4.2.1), and the losses of pre-training."""
        train, keys = self.config.train, Keys(key)
        model = nnx.merge(self.graphdef, params, state.frozen, state.discriminator)
        # Item and profile features are dropped at random only if the encoder is trainable.
        reading = keys if "encoder" in train.trainable else Keys(None)
        items, content = self._items(model, state, batch, tables, reading)
        users = batch.tokens.user.reshape(-1)
        h, _ = model.contexts(
            items, batch.tokens, gather_rows(tables.users, users), keys, encoder_keys=reading
        )
        h = h.reshape(-1, h.shape[-1])
        target, weight = batch.target.reshape(-1), batch.weight.reshape(-1)

        active = self.active_losses(batch)
        z = (
            jax.random.normal(jax.random.fold_in(key, 0), (len(h), model.noise))
            if self.is_adversarial
            else None
        )
        candidates = model.candidates(h, z)
        rec, weight = self._rec_loss(candidates, items, target, weight, state, batch, tables)
        metrics: Metrics = {"rec_loss": rec}
        loss = rec
        pairs = None
        if "gen_loss" in active:
            # The adversarial loss has no gradient to the items, nor to the discriminator's context.
            known = adversary.Inputs(
                context=jax.lax.stop_gradient(h),
                candidates=candidates,
                items=jax.lax.stop_gradient(items),
                bias=self._bias(items, tables),
                domains=tables.domains,
                rarity=jnp.pad(self.rarity, (0, len(items) - len(self.rarity))),
                weight=weight.reshape(batch.weight.shape),
            )
            gen, pairs = adversary.generator_loss(
                train.adversary,
                model.discriminator,
                known,
                batch,
                jax.random.fold_in(key, _ADVERSARY),
            )
            metrics["gen_loss"] = gen
            loss = train.alpha * rec + (1 - train.alpha) * gen
        some = batch.fresh_items[:AUXILIARY_ROWS]
        if "reconstruction_loss" in active:
            reconstruction = losses.reconstruction_loss(
                model, gather_rows(tables.items, some), keys
            )
            metrics["reconstruction_loss"] = reconstruction
            loss += train.loss.reconstruction * reconstruction
        if "contrast_loss" in active:
            assert model.encoder.ids is not None
            known = tables.warm[some] & jnp.any(content[some] != 0, axis=-1)
            # `fresh_scale` is for the softmax, where a fresh item stands for others: undo it here.
            constant = jax.lax.stop_gradient(content[some])
            own = constant + (content[some] - constant) / batch.fresh_scale[: len(some), None]
            contrast = losses.contrast_loss(own, model.encoder.ids[...][some], known)
            metrics["contrast_loss"] = contrast
            loss += train.loss.contrast * contrast
        metrics["loss"] = loss
        return loss, LossOutput(metrics, content, pairs)

    def _rec_loss(
        self,
        candidates: ND,
        items: ID,
        target: N_int,
        weight: N,
        state: TrainingState,
        batch: Batch,
        tables: FeatureTables,
    ) -> tuple[Scalar, N]:
        """L_rec, the mean cross-entropy over the items of a domain, and the truncated weights."""
        train, bias = self.config.train, self._bias(items, tables)
        candidates, items = with_domains(candidates, items, tables.domains, target)
        exact, drawn = train.softmax == "exact", (batch.negatives, batch.log_expected)
        if train.loss.truncate > 0:
            args = (*jax.lax.stop_gradient((candidates, items, bias)), target)
            found = position_losses(*args) if exact else sampled_losses(*args, *drawn)
            weight = target_weights.truncate_losses(
                weight, found, train.loss.truncate, state.step, train.loss.truncate_after
            )
        if exact:
            total = operations_for(self.layout).cross_entropy(
                candidates,
                items,
                bias,
                target,
                weight,
                items_learn="encoder" in train.trainable,
                bf16=train.precision == "bf16",
                typical_targets=self.typical_targets,
            )
        else:
            total = sampled_cross_entropy(candidates, items, bias, target, weight, *drawn)
        return total / jnp.maximum(weight.sum(), 1e-6), weight

    def _bias(self, items: ID, tables: FeatureTables) -> I:
        """The logit bias of each item: 0, or `EXCLUDED_BIAS` if it does not compete."""
        competes = jnp.arange(len(items)) < self.layout.n_items
        if not self.config.train.cold_negatives:
            competes &= tables.warm
        return jnp.where(competes, 0.0, target_weights.EXCLUDED_BIAS)

    def _items(
        self, model: M6Rec, state: TrainingState, batch: Batch, tables: FeatureTables, keys: Keys
    ) -> tuple[ID, ID]:
        """Item embeddings and content vectors; content is cached where the step does not encode it.

        Cached rows have no gradient. Fresh items that were drawn at random stand for all cached
        rows, so `fresh_scale` multiplies their gradient.
        """
        n_items = len(tables.warm)
        if not tables.items:
            content = jnp.zeros((n_items, model.encoder.start.shape[0]))
        elif len(state.content) == 0:
            content = self.layout.constrain_item_table(
                model.encoder.encode_content(tables.items, keys)
            )
        elif "encoder" not in self.config.train.trainable:
            content = state.content
        else:
            fresh = model.encoder.encode_content(gather_rows(tables.items, batch.fresh_items), keys)
            constant = jax.lax.stop_gradient(fresh)
            fresh = constant + batch.fresh_scale[:, None] * (fresh - constant)
            cached = jax.lax.stop_gradient(state.content)
            content = cached.at[batch.fresh_items].set(fresh, unique_indices=True)
        return model.encoder.embed_items(content, tables.warm, keys), content
