"""Update rules and their schedule (article 4.2.2: gradient descent with learning rate eta)."""

import optax

from m6rec_cli.settings import TrainConfig

_RULES = {"adam": optax.adam, "sgd": optax.sgd}


def schedule(train: TrainConfig, total_steps: int) -> optax.Schedule:
    """Linear warm-up, then a cosine to zero over the steps that the epochs would take."""
    warmup = max(1, round(train.warmup * total_steps))
    return optax.warmup_cosine_decay_schedule(0.0, train.learning_rate, warmup, max(total_steps, warmup + 1))


def optimizer(train: TrainConfig, total_steps: int) -> optax.GradientTransformation:
    """The rule with clipping in front."""
    rate = schedule(train, total_steps)
    if train.optimizer == "adamw":
        rule = optax.adamw(rate, weight_decay=train.weight_decay)
    elif train.optimizer == "lamb":
        rule = optax.lamb(rate, weight_decay=train.weight_decay)
    else:
        decay = optax.add_decayed_weights(train.weight_decay)
        rule = optax.chain(decay, _RULES[train.optimizer](rate))
    clip = [optax.clip_by_global_norm(train.clip_norm)] if train.clip_norm > 0 else []
    return optax.chain(*clip, rule)


def judge_optimizer(train: TrainConfig) -> optax.GradientTransformation:
    """The discriminator's own: Adam without momentum, as adversarial training wants."""
    return optax.adam(train.learning_rate, b1=0.0, b2=0.99)
