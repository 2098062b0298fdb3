"""The keys of the section `train`: how `pretrain` and `finetune` train a model."""

from dataclasses import dataclass, field

from m6rec_cli.config.keys import MAX_SEED, key


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses; 0 removes a loss and its cost."""

    reconstruction: float = key(
        0.0,
        "while the encoder learns: weight of rebuilding a hidden modality from the others",
        ge=0,
    )
    contrast: float = key(
        0.0,
        "while the encoder learns: weight of aligning content and id of an item (InfoNCE)",
        ge=0,
    )
    first_event: float = key(
        1.0, "weight of predicting a user's first event from the profile alone", ge=0
    )
    tail_exponent: float = key(
        0.0,
        "weigh a target by its item's popularity to the power of minus this, 1 on average; 0 "
        "weighs all equally",
        ge=0,
        le=2,
    )
    domain_exponent: float = key(
        0.0,
        "with several data directories: weigh a target by the number of targets of its directory "
        "to the power of minus this, 1 on average; 0 weighs all equally, 1 gives each directory "
        "the same sum",
        ge=0,
        le=2,
    )
    truncate: float = key(
        0.0,
        "share of the targets of a step, those of the highest loss, that are ignored as noise",
        ge=0,
        le=0.9,
    )
    truncate_after: int = key(1000, "optimiser steps before any target is ignored as noise", ge=0)


@dataclass(frozen=True)
class AdversaryConfig:
    """L_gen: what the discriminator compares, and what a generated slate is rewarded for."""

    fakes: str = key(
        "vectors",
        "what the discriminator tells from the next item: generated `vectors`; `items` drawn from "
        "the softmax; `means` of item embeddings, weighed by the softmax, against the same "
        "weights with the next item at the top",
        choices=("vectors", "items", "means"),
    )
    slate: int = key(
        1,
        "with `fakes=items`: items that the discriminator judges together, against as many next "
        "items of the user",
        ge=1,
        le=50,
    )
    positions: int = key(
        128,
        "with `items` and `means`: positions of a step that L_gen looks at, a random sample, since "
        "each needs a softmax over the catalogue",
        ge=1,
    )
    weight: float = key(
        1.0,
        "weight of the discriminator in L_gen; 0 removes it and leaves the rewards alone",
        ge=0,
    )
    diversity: float = key(
        0.0, "reward of a slate whose items differ: 1 - mean cosine of their embeddings", ge=0
    )
    calibration: float = key(
        0.0, "reward of a slate whose mean embedding is near that of the user's history", ge=0
    )
    tail: float = key(0.0, "reward of rare items in a slate: 1 - their popularity percentile", ge=0)
    penalty_decay: float = key(
        0.0,
        "share of `model.generator.penalty` that is gone at the end of training, step by step",
        ge=0,
        le=1,
    )


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained."""

    seed: int = key(
        0,
        "seed of the parameters, of batches and dropout, and of the noise in recommending; "
        "validation draws its users by a fixed seed",
        ge=0,
        le=MAX_SEED,
    )
    epochs: int = key(24, "maximum number of passes over the events", ge=1)
    max_steps: int = key(0, "maximum number of optimiser steps; 0 limits by epochs alone", ge=0)
    patience: int = key(6, "stop after so many epochs without a better validation NDCG@10", ge=1)
    events_per_block: int = key(
        2_000_000,
        "events that are packed into batches at a time; a longer log is read from disk in such "
        "blocks, drawn anew each epoch",
        ge=1,
    )
    keep: str = key(
        "best",
        "the epoch that a run keeps: the best by validation NDCG@10, or the last, for what costs "
        "NDCG at first",
        choices=("best", "last"),
    )
    batch_targets: int = key(512, "target events per optimiser step", ge=16)
    steps_per_dispatch: int = key(16, "optimiser steps per compiled call", ge=1)
    optimizer: str = key("adamw", "update rule", choices=("adamw", "adam", "sgd", "lamb"))
    learning_rate: float = key(1.5e-3, "peak learning rate (the article's eta)", ge=0)
    warmup: float = key(0.02, "share of the steps in which the learning rate rises", ge=0, le=0.9)
    weight_decay: float = key(
        0.0, "decoupled weight decay; with `adam` an L2 penalty in the gradient", ge=0
    )
    clip_norm: float = key(5.0, "clip the global norm of the gradient; 0 never clips", ge=0)
    trainable: list[str] = key(
        ["encoder", "decoder", "generator"], "parts that learn; the others are frozen"
    )
    average: float = key(
        0.0,
        "decay of a moving average of the parameters that learn, which is then validated, kept and "
        "served; 0 serves the parameters themselves",
        ge=0,
        le=0.99999,
    )
    alpha: float = key(
        1.0,
        "L = alpha L_rec + (1 - alpha) L_gen; 1 trains without the discriminator, and below 1 the "
        "generator has to be trainable",
        ge=0,
        le=1,
    )
    adversary: AdversaryConfig = field(default_factory=AdversaryConfig)
    label_fraction: float = key(1.0, "share of the users whose events are targets", ge=0, le=1)
    future_targets: int = key(
        0,
        "number of early next-item targets that are replaced by a random later item of the same "
        "user: new users' lists then predict the long run alone; `model.long_horizon` learns both",
        ge=0,
    )
    loss: LossConfig = field(default_factory=LossConfig)
    valid_users: int = key(20000, "users in validation, a fixed random sample; 0 takes all", ge=0)
    valid_protocol: str = key(
        "all",
        "what validation asks for: `all` validation events of a user, or `rolling`: each of them "
        "after the events before it, at most `valid_users` of them",
        choices=("all", "rolling"),
    )
    softmax: str = key(
        "exact",
        "softmax over the whole catalogue (exact) or over sampled negatives",
        choices=("exact", "sampled"),
    )
    cold_negatives: bool = key(
        True, "cold items are negatives in the softmax; false leaves them out"
    )
    negatives: int = key(
        512, "sampled negatives, shared by a step's targets, with log-Q correction", ge=1
    )
    checkpoint_seconds: float = key(
        20.0,
        "write a checkpoint at the first epoch end after so many seconds; 0, and several "
        "processes always, write one every epoch",
        ge=0,
    )
    data_parallel: int = key(0, "devices that share the rows of a batch; 0 takes all", ge=0)
    model_parallel: int = key(
        1, "devices that share the tables with a row per item, and the softmax over them", ge=1
    )
    precision: str = key(
        "float32",
        "precision of matrix products and of the exact softmax; parameters and sums stay float32",
        choices=("float32", "bf16"),
    )
