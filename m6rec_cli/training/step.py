"""One optimizer step: a pure function from state and batch to state and named measurements."""

from dataclasses import dataclass
from typing import cast

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array

from m6rec_cli.execution.model_inputs import FeatureTables
from m6rec_cli.system.shapes import N, PRNGKey, Scalar
from m6rec_cli.training import losses
from m6rec_cli.training.adversary import Pairs
from m6rec_cli.training.objective import Metrics, Objective
from m6rec_cli.training.optimizer import Schedule
from m6rec_cli.training.state import Batch, TrainingState


@dataclass(frozen=True, kw_only=True)
class Trainer(Objective):
    """The objective with its optimizers: the constants of training.

    Attributes:
        schedule: The learning rate of each step.
        optimizer: Its updates are for a learning rate of 1.
    """

    schedule: Schedule
    optimizer: optax.GradientTransformation
    discriminator_optimizer: optax.GradientTransformation

    def update(
        self, state: TrainingState, batch: Batch, rate: Scalar, tables: FeatureTables, key: PRNGKey
    ) -> tuple[TrainingState, Metrics]:
        """One step with the learning rate `rate`."""
        key = jax.random.fold_in(key, state.step)
        grad = jax.value_and_grad(self.loss, has_aux=True)
        (_, out), grads = grad(state.params, state, batch, tables, key)
        updates, optimizer = self.optimizer.update(grads, state.optimizer, state.params)
        params = _apply(state.params, optax.tree.scale(rate, updates))
        discriminator, discriminator_optimizer = state.discriminator, state.discriminator_optimizer
        metrics = out.metrics
        if out.pairs is not None:
            discriminator, discriminator_optimizer, metrics["discriminator_loss"] = (
                self._update_discriminator(state, out.pairs)
            )
        content = jax.lax.stop_gradient(out.content) if len(state.content) else state.content
        metrics["targets"] = (batch.weight > 0).sum().astype(jnp.float32)
        new = TrainingState(
            params=params,
            frozen=state.frozen,
            discriminator=discriminator,
            optimizer=optimizer,
            discriminator_optimizer=discriminator_optimizer,
            content=content,
            step=state.step + 1,
            average=self._averaged(state, params),
        )
        return new, metrics

    def _update_discriminator(
        self, state: TrainingState, pairs: Pairs
    ) -> tuple[nnx.State, optax.OptState, Scalar]:
        def loss(discriminator: nnx.State) -> Scalar:
            model = nnx.merge(self.graphdef, state.params, state.frozen, discriminator)
            penalty = self.config.model.generator.penalty * self._penalty_left(state.step)
            return losses.discriminator_loss(model.discriminator, *pairs, penalty)

        value, grads = jax.value_and_grad(loss)(state.discriminator)
        updates, optimizer = self.discriminator_optimizer.update(
            grads, state.discriminator_optimizer, state.discriminator
        )
        return _apply(state.discriminator, updates), optimizer, value

    def _averaged(self, state: TrainingState, params: nnx.State) -> nnx.State | tuple[()]:
        """The moving average of the parameters after a step; empty without one."""
        decay = self.config.train.average
        if isinstance(state.average, tuple):
            return ()
        return jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, state.average, params)

    def _penalty_left(self, step: Array) -> Scalar | float:
        """The share of the gradient penalty that is left, see `train.adversary.penalty_decay`."""
        decay = self.config.train.adversary.penalty_decay
        return 1 - decay * jnp.minimum(step / self.schedule.total, 1) if decay else 1.0

    def compile_dispatch(self, state: TrainingState) -> jax.stages.Wrapped:
        """Compile a dispatch: up to `steps_per_dispatch` steps in one call, with the state donated.

        Call it as `f(state, batches, rates, n, tables, key)`; `rates` and the leaves of `batches`
        have a leading axis of steps, of which the first `n` are done. It returns sums of the
        measurements over the steps.
        """

        def run(
            state: TrainingState,
            batches: Batch,
            rates: N,
            n: Array,
            tables: FeatureTables,
            key: PRNGKey,
        ) -> tuple[TrainingState, Metrics]:
            def body(
                i: Array, carry: tuple[TrainingState, Metrics]
            ) -> tuple[TrainingState, Metrics]:
                batch = jax.tree.map(lambda x: x[i], batches)
                state, metrics = self.update(carry[0], batch, rates[i], tables, key)
                return state, jax.tree.map(jnp.add, carry[1], metrics)

            names = {"loss", "targets"} | self.active_losses(batches)
            return jax.lax.fori_loop(0, n, body, (state, {name: jnp.zeros(()) for name in names}))

        return self.layout.compile_update(run, state)


def _apply(params: nnx.State, updates: optax.Updates) -> nnx.State:
    return cast(nnx.State, optax.apply_updates(params, updates))
