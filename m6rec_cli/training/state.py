"""The state that training carries from step to step, and the batch that a step consumes."""

from dataclasses import dataclass, field

import jax
import optax
from flax import nnx

from m6rec_cli.execution.layout import ITEM_TABLE
from m6rec_cli.model.recommender import Tokens
from m6rec_cli.system.shapes import Leaf


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class TrainingState:
    """Everything that a step changes.

    Attributes:
        params: Trainable parameters of encoder, decoder and generator.
        frozen: All other variables of the model but the discriminator's.
        discriminator: The discriminator's parameters.
        optimizer: Optax state of `params`.
        discriminator_optimizer: Optax state of `discriminator`; empty without adversarial training.
        content: f32 (i, d), cached content vector of each item; empty if each step encodes all
            items or none, see `TrainingBatches.caches_content`.
        step: Optimizer steps done.
        average: Moving average of `params`, see `train.average`; empty without one.
    """

    params: nnx.State
    frozen: nnx.State
    discriminator: nnx.State
    optimizer: optax.OptState
    discriminator_optimizer: optax.OptState
    content: Leaf = field(metadata=ITEM_TABLE)
    step: Leaf
    average: nnx.State | tuple[()] = ()

    @property
    def served(self) -> nnx.State:
        """The parameters that are validated and served: the average, or those trained last."""
        return self.params if isinstance(self.average, tuple) else self.average


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Batch:
    """The input of one step, numpy or JAX arrays.

    Attributes:
        tokens: Packed histories.
        target: i32 (b, t), item row of the next event; 0 where there is none.
        weight: f32 (b, t), the preference y_ij; 0 where there is no target.
        fresh_items: i32 (r,), distinct item rows that the step encodes; empty if it encodes all
            items.
        fresh_scale: f32 (r,), factor of the gradient of each fresh item.
        negatives: i32 (k,), item rows drawn for the sampled softmax; empty for the exact one.
        log_expected: f32 (k,), log-Q correction of the negatives.
    """

    tokens: Tokens
    target: Leaf
    weight: Leaf
    fresh_items: Leaf
    fresh_scale: Leaf
    negatives: Leaf
    log_expected: Leaf
