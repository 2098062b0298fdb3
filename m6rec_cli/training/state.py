"""What training carries from step to step, and what a step is given."""

from dataclasses import dataclass
from typing import Any

import jax

from m6rec_cli.model.recommender import Tokens


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainingState:
    """All that changes from step to step.

    Attributes:
        params: Parameters that learn.
        frozen: The model's other variables.
        judge: The discriminator's parameters.
        optimizer: Optax state of `params`.
        judge_optimizer: Optax state of `judge`; empty without the adversary.
        content: Content vector of every item as last encoded; empty if all are encoded in every step (`Feed.kept`).
        step: Steps done.
    """

    params: Any
    frozen: Any
    judge: Any
    optimizer: Any
    judge_optimizer: Any
    content: Any
    step: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Batch:
    """One step's input, of numpy or JAX arrays; fields are `Any` as those of `Tokens` are.

    Attributes:
        tokens: Packed histories.
        target: i32 (b, t), item row of the next event, 0 where there is none.
        weight: f32 (b, t), the preference y_ij as the target's weight, 0 where there is none.
        fresh: i32 (r,), item rows to encode anew, distinct; empty if all are encoded.
        fresh_scale: f32 (r,), what the gradient of each fresh row is multiplied with.
        negatives: i32 (k,), item rows of the sampled softmax; empty if it is exact.
        log_expected: f32 (k,), their log-Q correction.
    """

    tokens: Tokens
    target: Any
    weight: Any
    fresh: Any
    fresh_scale: Any
    negatives: Any
    log_expected: Any
