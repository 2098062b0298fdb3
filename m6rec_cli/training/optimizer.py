"""Update rules and their schedule (article 4.2.2: gradient descent with learning rate eta).

A step is told its learning rate, so that one compiled program serves every schedule.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from m6rec_cli.config.settings import TrainConfig
from m6rec_cli.execution.mesh import ITEM_TABLES

SMALL = 1 << 16
"""Numbers of an array that is joined with others, at the most."""

_RULES = {"adam": optax.adam, "sgd": optax.sgd}


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up, then a cosine to zero.

    Attributes:
        peak: The rate at the end of the warm-up.
        warmup: Its steps.
        total: All steps, those that the epochs would take.
    """

    peak: float
    warmup: int
    total: int

    @classmethod
    def of(cls, train: TrainConfig, total: int) -> "Schedule":
        """The schedule of some settings over `total` steps."""
        warmup = max(1, round(train.warmup * total))
        return cls(train.learning_rate, warmup, max(total, warmup + 1))

    def rates(self, first: int, n: int) -> np.ndarray:
        """The learning rates of `n` steps from step `first` on, f32 (n,)."""
        step = np.arange(first, first + n)
        done = np.clip((step - self.warmup) / (self.total - self.warmup), 0, 1)
        falling = 0.5 * (1 + np.cos(np.pi * done))
        return (self.peak * np.where(step < self.warmup, step / self.warmup, falling)).astype(
            np.float32
        )


def optimizer(train: TrainConfig) -> optax.GradientTransformation:
    """The rule with clipping in front, at a learning rate of 1."""
    if train.optimizer == "adamw":
        rule = optax.adamw(1.0, weight_decay=train.weight_decay)
    elif train.optimizer == "lamb":
        rule = optax.lamb(1.0, weight_decay=train.weight_decay)
    else:
        decay = optax.add_decayed_weights(train.weight_decay)
        rule = optax.chain(decay, _RULES[train.optimizer](1.0))
    clip = [optax.clip_by_global_norm(train.clip_norm)] if train.clip_norm > 0 else []
    chain = optax.chain(*clip, rule)
    # The trust ratio of LAMB is that of an array.
    return chain if train.optimizer == "lamb" else joined(chain)


def judge_optimizer(train: TrainConfig) -> optax.GradientTransformation:
    """The discriminator's own: Adam without momentum, as adversarial training wants, at the peak rate throughout."""
    return optax.adam(train.learning_rate, b1=0.0, b2=0.99)


def joined(rule: optax.GradientTransformation) -> optax.GradientTransformation:
    """A rule that treats every number alike, applied to a model's small arrays as to one vector.

    A rule puts some kernels into the program for each array, and Orbax takes some milliseconds for each array that it
    writes: with a hundred small ones that was a fifth of the compilation and half of a checkpoint. Large arrays and those with a row
    for every item stay as they are.
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        made, state = rule.update(_join(updates), state, None if params is None else _join(params))
        return _part(made, updates), state

    return optax.GradientTransformation(lambda params: rule.init(_join(params)), update)


def _join(tree: Any) -> Any:
    """The small arrays end to end, f32 (n,), and the tree without them."""
    leaves, treedef = jax.tree.flatten(tree)
    small = _are_small(tree)
    vectors = [x.reshape(-1) for x, joins in zip(leaves, small, strict=True) if joins]
    rest = [None if joins else x for x, joins in zip(leaves, small, strict=True)]
    return jnp.concatenate([jnp.zeros(0), *vectors]), jax.tree.unflatten(treedef, rest)


def _part(pair: Any, like: Any) -> Any:
    """What `_join` joined, in the form of `like`."""
    leaves, treedef = jax.tree.flatten(like)
    small = _are_small(like)
    ends = np.cumsum([x.size for x, joins in zip(leaves, small, strict=True) if joins])[:-1]
    vectors, rest = iter(jnp.split(pair[0], ends)), iter(jax.tree.leaves(pair[1]))
    parts = [
        next(vectors).reshape(x.shape) if joins else next(rest)
        for x, joins in zip(leaves, small, strict=True)
    ]
    return jax.tree.unflatten(treedef, parts)


def _are_small(tree: Any) -> list[bool]:
    """Whether each array of a tree is joined with the others."""
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [
        x.size <= SMALL and not {getattr(p, "key", None) for p in path} & set(ITEM_TABLES)
        for path, x in paths
    ]
