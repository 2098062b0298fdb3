"""`train.*` settings to optax update rules and a learning-rate schedule (article 4.2.2).

The learning rate is an argument of the step, so that one compiled program serves all steps.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax

from m6rec_cli.config.settings import TrainConfig
from m6rec_cli.execution.layout import item_tables
from m6rec_cli.system.shapes import Leaf

SMALL = 1 << 16
"""The largest size of an array that is concatenated with others."""

_RULES = {"adam": optax.adam, "sgd": optax.sgd}


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up, then cosine decay to zero.

    `optax.warmup_cosine_decay_schedule` computes in f32: half of its rates differ in the last bits.

    Attributes:
        peak: The rate at the end of the warm-up.
        warmup: Steps of the warm-up.
        total: All steps.
    """

    peak: float
    warmup: int
    total: int

    @classmethod
    def from_config(cls, train: TrainConfig, total: int) -> "Schedule":
        """The configured schedule over `total` steps."""
        warmup = max(1, round(train.warmup * total))
        return cls(train.learning_rate, warmup, max(total, warmup + 1))

    def rates(self, first: int, n: int) -> np.ndarray:
        """The learning rates of the `n` steps from `first` on, f32 (n,)."""
        step = np.arange(first, first + n)
        progress = np.clip((step - self.warmup) / (self.total - self.warmup), 0, 1)
        decay = 0.5 * (1 + np.cos(np.pi * progress))
        return (self.peak * np.where(step < self.warmup, step / self.warmup, decay)).astype(
            np.float32
        )


def optimizer(train: TrainConfig) -> optax.GradientTransformation:
    """Gradient clipping and the configured rule, at a learning rate of 1."""
    if train.optimizer == "adamw":
        rule = optax.adamw(1.0, weight_decay=train.weight_decay)
    elif train.optimizer == "lamb":
        rule = optax.lamb(1.0, weight_decay=train.weight_decay)
    else:
        decay = optax.add_decayed_weights(train.weight_decay)
        rule = optax.chain(decay, _RULES[train.optimizer](1.0))
    clip = [optax.clip_by_global_norm(train.clip_norm)] if train.clip_norm > 0 else []
    chain = optax.chain(*clip, rule)
    # LAMB has a trust ratio for each array, so arrays must stay separate.
    return chain if train.optimizer == "lamb" else concatenate_small(chain)


def discriminator_optimizer(train: TrainConfig) -> optax.GradientTransformation:
    """Adam without momentum, as is usual in adversarial training, at the peak rate throughout."""
    return optax.adam(train.learning_rate, b1=0.0, b2=0.99)


def concatenate_small(rule: optax.GradientTransformation) -> optax.GradientTransformation:
    """Apply an elementwise rule to all small arrays as one vector.

    A rule compiles to some kernels for each array, and Orbax needs some milliseconds for each array
    that it writes: a hundred small arrays took a fifth of the compilation and half of a checkpoint.
    Large arrays and item tables stay separate.
    """

    def update(
        updates: optax.Updates, state: optax.OptState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.OptState]:
        joined_params = None if params is None else _join(params)
        joined_updates, state = rule.update(_join(updates), state, joined_params)
        return _split(joined_updates, updates), state

    return optax.GradientTransformation(lambda params: rule.init(_join(params)), update)


def _join(tree: Leaf) -> tuple[jax.Array, Leaf]:
    """The small arrays as one vector, f32 (n,), and the tree with None in their place."""
    leaves, treedef = jax.tree.flatten(tree)
    small = _are_small(tree)
    vectors = [x.reshape(-1) for x, is_small in zip(leaves, small, strict=True) if is_small]
    rest = [None if is_small else x for x, is_small in zip(leaves, small, strict=True)]
    return jnp.concatenate([jnp.zeros(0), *vectors]), jax.tree.unflatten(treedef, rest)


def _split(joined: Leaf, like: Leaf) -> Leaf:
    """The inverse of `_join`, into the structure of `like`."""
    leaves, treedef = jax.tree.flatten(like)
    small = _are_small(like)
    ends = np.cumsum([x.size for x, is_small in zip(leaves, small, strict=True) if is_small])[:-1]
    vectors, rest = iter(jnp.split(joined[0], ends)), iter(jax.tree.leaves(joined[1]))
    parts = [
        next(vectors).reshape(x.shape) if is_small else next(rest)
        for x, is_small in zip(leaves, small, strict=True)
    ]
    return jax.tree.unflatten(treedef, parts)


def _are_small(tree: Leaf) -> list[bool]:
    """Whether each array of a tree is concatenated with others."""
    marks = jax.tree.leaves(item_tables(tree))
    return [
        x.size <= SMALL and not is_table
        for x, is_table in zip(jax.tree.leaves(tree), marks, strict=True)
    ]
