"""One optimiser step: a pure function from state and batch to state and named measurements."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.config.settings import Config
from m6rec_cli.execution.mesh import Layout
from m6rec_cli.execution.model_inputs import Tables
from m6rec_cli.model.discriminator import Discriminator, unit
from m6rec_cli.model.fusion import gather
from m6rec_cli.model.layers import Keys
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system.shapes import ID, ND, N, N_int, PRNGKey, Scalar
from m6rec_cli.training import losses, target_weights
from m6rec_cli.training.optimizer import Schedule
from m6rec_cli.training.sharded_softmax import cross_entropy
from m6rec_cli.training.softmax import position_losses, sampled_cross_entropy, sampled_losses
from m6rec_cli.training.state import Batch, TrainingState

PARTS = ("encoder", "decoder", "generator")

AUXILIARY_ROWS = 768
"""Items of a step that the losses of pre-training look at; they compare each with each."""


@dataclass(frozen=True)
class Trainer:
    """What stays the same from step to step.

    Attributes:
        optimizer: Its updates are for a learning rate of 1; `schedule` has that of each step.
        usual_targets: See `Feed.usual_targets`.
    """

    graphdef: Any
    config: Config
    schedule: Schedule
    optimizer: optax.GradientTransformation
    judge_optimizer: optax.GradientTransformation
    n_modalities: int
    layout: Layout
    usual_targets: int

    @property
    def adversarial(self) -> bool:
        """Whether L_gen has any weight; at alpha = 1 nothing of it is computed."""
        return self.config.train.alpha < 1 and "generator" in self.config.train.trainable

    def measurements(self, batch: Batch) -> set[str]:
        """The names of what a step measures."""
        weights = self.config.train.loss
        n_fresh = batch.fresh.shape[-1]
        names = {"loss", "rec", "targets"}
        names |= {"gen", "judge"} if self.adversarial else set()
        names |= {"rebuild"} if self._rebuilds(weights.reconstruction, n_fresh) else set()
        return names | ({"contrast"} if self._contrasts(weights.contrast, n_fresh) else set())

    def _rebuilds(self, weight: float, n_fresh: int) -> bool:
        return weight > 0 and n_fresh > 0 and self.n_modalities > 1

    def _contrasts(self, weight: float, n_fresh: int) -> bool:
        return weight > 0 and n_fresh > 0 and self.config.model.item_ids

    def loss(
        self, params: Any, state: TrainingState, batch: Batch, tables: Tables, key: PRNGKey
    ) -> tuple[Float[Array, ""], dict[str, Any]]:
        """L and, beside it, the measurements and what the discriminator learns from."""
        train, keys = self.config.train, Keys(key)
        model: M6Rec = nnx.merge(self.graphdef, params, state.frozen, state.judge)
        # An encoder that does not learn is read as when judging: nothing of an item or a profile is hidden.
        reading = keys if "encoder" in train.trainable else Keys(None)
        items, content = self._items(model, state, batch, tables, reading)
        users = batch.tokens.user.reshape(-1)
        h, _ = model.contexts(
            items, batch.tokens, gather(tables.users, users), keys, reading=reading
        )
        h = h.reshape(-1, h.shape[-1])
        target, weight = batch.target.reshape(-1), batch.weight.reshape(-1)

        z = (
            jax.random.normal(jax.random.fold_in(key, 0), (len(h), model.noise))
            if self.adversarial
            else None
        )
        candidates = model.candidates(h, z)
        rec, weight = self._rec(candidates, items, target, weight, state, batch, tables)
        out: dict[str, Any] = {"rec": rec}
        loss = rec
        pairs = None
        if self.adversarial:
            # No gradient of the adversarial loss reaches the items or the context that D is shown.
            real = unit(jax.lax.stop_gradient(items)[target])
            context, fake = jax.lax.stop_gradient(h), unit(candidates)
            out["gen"] = losses.generator_loss(model.discriminator, context, real, fake, weight)
            loss = train.alpha * rec + (1 - train.alpha) * out["gen"]
            pairs = (context, real, jax.lax.stop_gradient(fake), weight)
        some = batch.fresh[:AUXILIARY_ROWS]
        if self._rebuilds(train.loss.reconstruction, len(some)):
            out["rebuild"] = losses.reconstruction(model, gather(tables.items, some), keys)
            loss += train.loss.reconstruction * out["rebuild"]
        if self._contrasts(train.loss.contrast, len(some)):
            assert model.encoder.ids is not None
            known = tables.warm[some] & jnp.any(content[some] != 0, axis=-1)
            # Here a row stands for itself alone, however often its gradient counts in the softmax.
            still = jax.lax.stop_gradient(content[some])
            own = still + (content[some] - still) / batch.fresh_scale[: len(some), None]
            out["contrast"] = losses.contrast(own, model.encoder.ids[...][some], known)
            loss += train.loss.contrast * out["contrast"]
        out["loss"] = loss
        return loss, {"metrics": out, "content": content, "pairs": pairs}

    def _rec(
        self,
        candidates: ND,
        items: ID,
        target: N_int,
        weight: N,
        state: TrainingState,
        batch: Batch,
        tables: Tables,
    ) -> tuple[Scalar, N]:
        """L_rec, the mean cross-entropy over the catalogue, and the weights that truncation leaves."""
        train = self.config.train
        competes = jnp.arange(len(items)) < self.layout.n_items
        if not train.cold_negatives:
            competes &= tables.warm
        bias = jnp.where(competes, 0.0, target_weights.NEVER)
        exact, drawn = train.softmax == "exact", (batch.negatives, batch.log_expected)
        if train.loss.truncate > 0:
            shown = jax.lax.stop_gradient((candidates, items, bias))
            found = (
                position_losses(*shown, target) if exact else sampled_losses(*shown, target, *drawn)
            )
            weight = target_weights.truncated(
                weight, found, train.loss.truncate, state.step, train.loss.truncate_after
            )
        if exact:
            total = cross_entropy(
                self.layout,
                candidates,
                items,
                bias,
                target,
                weight,
                items_learn="encoder" in train.trainable,
                half=train.precision == "bf16",
                usual=self.usual_targets,
            )
        else:
            total = sampled_cross_entropy(candidates, items, bias, target, weight, *drawn)
        return total / jnp.maximum(weight.sum(), 1e-6), weight

    def _items(
        self, model: M6Rec, state: TrainingState, batch: Batch, tables: Tables, keys: Keys
    ) -> tuple[ID, ID]:
        """Item embeddings and contents: as kept, if the encoder does not learn.

        Rows that are not fresh keep their last content and pass no gradient. The gradient of a fresh row
        that is there by chance stands for all the rows that are not, hence `fresh_scale`.
        """
        n_items = len(tables.warm)
        if not tables.items:
            content = jnp.zeros((n_items, model.encoder.start.shape[0]))
        elif len(state.content) == 0:
            content = self.layout.table(model.encoder.content(tables.items, keys))
        elif "encoder" not in self.config.train.trainable:
            content = state.content
        else:
            fresh = model.encoder.content(gather(tables.items, batch.fresh), keys)
            still = jax.lax.stop_gradient(fresh)
            fresh = still + batch.fresh_scale[:, None] * (fresh - still)
            content = (
                jax.lax.stop_gradient(state.content).at[batch.fresh].set(fresh, unique_indices=True)
            )
        return model.encoder.embed(content, tables.warm, keys), content

    def update(
        self, state: TrainingState, batch: Batch, rate: Scalar, tables: Tables, key: PRNGKey
    ) -> tuple[TrainingState, dict[str, Array]]:
        """One step with the learning rate `rate`."""
        key = jax.random.fold_in(key, state.step)
        grad = jax.value_and_grad(self.loss, has_aux=True)
        (_, aux), grads = grad(state.params, state, batch, tables, key)
        updates, optimizer = self.optimizer.update(grads, state.optimizer, state.params)
        params = optax.apply_updates(state.params, optax.tree.scale(rate, updates))
        judge, judge_optimizer, metrics = state.judge, state.judge_optimizer, aux["metrics"]
        if self.adversarial:
            judge, judge_optimizer, metrics["judge"] = self._update_judge(state, aux["pairs"])
        content = jax.lax.stop_gradient(aux["content"]) if len(state.content) else state.content
        metrics["targets"] = (batch.weight > 0).sum().astype(jnp.float32)
        new = TrainingState(
            params, state.frozen, judge, optimizer, judge_optimizer, content, state.step + 1
        )
        return new, metrics

    def _update_judge(
        self, state: TrainingState, pairs: tuple[Any, Any, Any, Any]
    ) -> tuple[Any, Any, Array]:
        def loss(judge: Any) -> Float[Array, ""]:
            model: M6Rec = nnx.merge(self.graphdef, state.params, state.frozen, judge)
            d: Discriminator = model.discriminator
            context, real, fake, weight = pairs
            penalty = self.config.model.generator.penalty
            return losses.discriminator_loss(d, context, real, fake, weight, penalty)

        value, grads = jax.value_and_grad(loss)(state.judge)
        updates, optimizer = self.judge_optimizer.update(grads, state.judge_optimizer, state.judge)
        return optax.apply_updates(state.judge, updates), optimizer, value

    def dispatch(self, state: TrainingState) -> Any:
        """The compiled call: up to `steps_per_dispatch` steps, with the state donated.

        `state` says where on the mesh the state stays, if there is one.

        Call it as `f(state, batches, rates, n, tables, key)`; `rates` and the leaves of `batches` have a leading
        axis of steps, of which the first `n` are taken. It returns the sums of the measurements over the steps.
        """

        def run(
            state: TrainingState, batches: Batch, rates: N, n: Array, tables: Tables, key: PRNGKey
        ) -> tuple[TrainingState, Any]:
            def body(i: Array, carry: tuple[TrainingState, Any]) -> tuple[TrainingState, Any]:
                batch = jax.tree.map(lambda x: x[i], batches)
                state, metrics = self.update(carry[0], batch, rates[i], tables, key)
                return state, jax.tree.map(jnp.add, carry[1], metrics)

            zeros = {name: jnp.zeros(()) for name in self.measurements(batches)}
            return jax.lax.fori_loop(0, n, body, (state, zeros))

        if self.layout.mesh is None:
            return jax.jit(run, donate_argnums=0)
        out = (self.layout.shardings(state), self.layout.replicated())
        return jax.jit(run, donate_argnums=0, out_shardings=out)
