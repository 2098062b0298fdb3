"""Every configuration key with its default, its meaning and its bounds, in one place."""

from dataclasses import dataclass, field
from typing import Any


def opt(
    default: Any,
    doc: str,
    *,
    ge: float | None = None,
    le: float | None = None,
    choices: tuple[str, ...] = (),
    part: str = "",
) -> Any:
    """A key with its comment and its bounds; `part` takes the choices from a part folder."""
    meta = {"doc": doc, "ge": ge, "le": le, "choices": choices, "part": part}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=meta)
    return field(default=default, metadata=meta)


@dataclass(frozen=True)
class DataConfig:
    """How `preprocess` cleans, encodes and splits."""

    split: str = opt(
        "leave-one-out",
        "how events are divided",
        choices=("leave-one-out", "temporal", "ratio", "none"),
    )
    valid_fraction: float = opt(
        0.1, "share of events (temporal: of the time line) for validation", ge=0, le=0.9
    )
    test_fraction: float = opt(0.1, "share of events for test; the rest trains", ge=0, le=0.9)
    cold_items: float = opt(
        0.0, "share of the items of which nothing is trained or fitted on", ge=0, le=0.9
    )
    cold_users: float = opt(
        0.0, "the same for users; the events of both are the split `cold`", ge=0, le=0.9
    )
    seed: int = opt(0, "seed by which cold items and users are drawn", ge=0)
    min_user_events: int = opt(
        1, "drop users with fewer events (iterated with min_item_events)", ge=1
    )
    min_item_events: int = opt(
        1, "drop items with fewer events, catalogue items without events stay", ge=1
    )
    max_user_events_per_day: int = opt(0, "drop users beyond this rate as bots; 0: no limit", ge=0)
    outlier_mads: float = opt(
        12.0, "clip numeric values further than this many MADs from the median; 0: never", ge=0
    )
    unknown_items: str = opt(
        "error", "events whose item is not in the catalogue", choices=("error", "drop")
    )
    unknown_users: str = opt(
        "keep", "events whose user is not in the user table", choices=("keep", "drop", "error")
    )
    users_are_items: bool = opt(
        False, "an item with a user's id is that user, who is never recommended to himself"
    )
    text_vocabulary: int = opt(8000, "byte-level BPE tokens that are learned", ge=300)
    text_length: int = opt(48, "tokens kept of a text", ge=1)
    text_encoder: str = opt(
        "", "a local ONNX file (tokenizer.json beside it) whose vectors stand beside each text"
    )
    image_encoder: str = opt("", "a local ONNX file whose vectors stand beside each picture")
    set_length: int = opt(32, "members kept of a set", ge=1)
    min_category_count: int = opt(2, "rarer categories share one code", ge=1)
    image_size: int = opt(32, "side in pixels of a stored picture or frame", ge=8)
    video_frames: int = opt(4, "frames kept of a video, evenly over its length", ge=1)
    audio_seconds: int = opt(30, "seconds heard of a sound, its middle", ge=1, le=600)
    audio_frames: int = opt(32, "log-mel frames that these seconds are averaged to", ge=1)
    audio_mels: int = opt(64, "mel bins of a frame, at 16 kHz mono", ge=8, le=128)


@dataclass(frozen=True)
class EncoderConfig:
    """MLP towers and their fusion (article 4.1.1)."""

    activation: str = opt(
        "relu", "the sigma of the article's MLPs", choices=("relu", "gelu", "silu", "tanh")
    )
    layers: int = opt(1, "hidden layers of each tower", ge=1, le=8)
    refresh_rows: int = opt(
        4096,
        "items whose content is encoded anew in a step, the batch's own first; others keep their last vector",
        ge=4,
    )


@dataclass(frozen=True)
class DecoderConfig:
    """The recurrent decoder (article 4.1.2)."""

    kind: str = opt("mingru", "recurrent cell", part="model.decoders")
    layers: int = opt(2, "residual blocks", ge=1, le=32)
    expansion: int = opt(4, "width of the feed-forward part, in model widths", ge=1)
    time_gaps: bool = opt(True, "embed the time since the previous event (where times are known)")
    scan: str = opt(
        "auto",
        "how a linear recurrence runs: auto takes sequential on CPU, else parallel",
        choices=("auto", "sequential", "parallel"),
    )


@dataclass(frozen=True)
class GeneratorConfig:
    """The GAN (article 4.1.3)."""

    kind: str = opt("residual", "generator", part="model.generators")
    noise: int = opt(16, "components of the noise z", ge=1)
    hidden: int = opt(128, "hidden width of generator and discriminator", ge=1)
    penalty: float = opt(1.0, "weight of the discriminator's R1 and R2 gradient penalties", ge=0)


@dataclass(frozen=True)
class ModelConfig:
    """What is trained."""

    width: int = opt(64, "embedding width d", ge=4)
    features: list[str] = opt(
        ["all"], "features that the encoder reads: `all`, or names (`user.` before those of users)"
    )
    exclude: list[str] = opt([], "features that it does not read")
    item_ids: bool = opt(True, "each item has an embedding of its own beside its content")
    id_dropout: float = opt(0.1, "share of items whose id is hidden in a training step", ge=0, le=1)
    modality_dropout: float = opt(
        0.1, "share of items for which a modality is hidden in a training step", ge=0, le=1
    )
    dropout: float = opt(0.3, "dropout in the decoder and on its input", ge=0, le=0.95)
    temperature: float = opt(1.0, "divides the logits", ge=1e-3)
    max_history: int = opt(200, "events of a user that the decoder reads", ge=1)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses; 0 removes a loss and its cost."""

    reconstruction: float = opt(
        0.0, "while the encoder learns: rebuild a hidden modality from the others", ge=0
    )
    contrast: float = opt(
        0.0, "while the encoder learns: content and id of one item agree (InfoNCE)", ge=0
    )
    first_event: float = opt(
        1.0, "weight of predicting a user's first event from the profile alone", ge=0
    )
    tail_exponent: float = opt(
        0.0,
        "a target weighs its popularity to the power of minus this, 1 on average; 0: all alike",
        ge=0,
        le=2,
    )
    truncate: float = opt(
        0.0,
        "share of a step's targets, those of the highest loss, that are taken for noise",
        ge=0,
        le=0.9,
    )
    truncate_after: int = opt(1000, "optimiser steps before any target is taken for noise", ge=0)


@dataclass(frozen=True)
class TrainConfig:
    """How it is trained."""

    seed: int = opt(0, "the one seed that everything derives from", ge=0)
    epochs: int = opt(24, "passes over the events at the most", ge=1)
    max_steps: int = opt(0, "optimiser steps at the most; 0: by epochs alone", ge=0)
    patience: int = opt(6, "epochs without a better validation NDCG@10 before training stops", ge=1)
    batch_targets: int = opt(512, "target events in an optimiser step", ge=16)
    steps_per_dispatch: int = opt(16, "optimiser steps in one compiled call", ge=1)
    optimizer: str = opt("adamw", "update rule", choices=("adamw", "adam", "sgd", "lamb"))
    learning_rate: float = opt(1.5e-3, "peak learning rate (the article's eta)", ge=0)
    warmup: float = opt(0.02, "share of the steps with a rising learning rate", ge=0, le=0.9)
    weight_decay: float = opt(
        0.0, "weight decay; decoupled, but with `adam` a penalty in the gradient", ge=0
    )
    clip_norm: float = opt(5.0, "clip the gradient's global norm; 0: never", ge=0)
    trainable: list[str] = opt(
        ["encoder", "decoder", "generator"], "parts that learn; the others are frozen"
    )
    alpha: float = opt(
        1.0,
        "L = alpha L_rec + (1 - alpha) L_gen; 1: no adversary; below, the generator has to learn",
        ge=0,
        le=1,
    )
    label_fraction: float = opt(1.0, "share of users whose events are targets", ge=0, le=1)
    future_targets: int = opt(
        0,
        "first events of each history in whose place any later one of the user is taught: newcomers' lists then say"
        " what they will do in the long run, not next (with `recommend.cooccurrence_weight=0`)",
        ge=0,
    )
    loss: LossConfig = field(default_factory=LossConfig)
    valid_users: int = opt(20000, "users judged on validation after an epoch; 0: all", ge=0)
    softmax: str = opt(
        "exact", "over the whole catalogue, or sampled", choices=("exact", "sampled")
    )
    cold_negatives: bool = opt(
        True,
        "items without training events compete in the softmax; false: as if they did not exist yet",
    )
    negatives: int = opt(
        512, "negatives of the sampled softmax, shared in a step, log-Q corrected", ge=1
    )
    checkpoint_seconds: float = opt(
        20.0,
        "seconds from a checkpoint to the end of the epoch that writes the next; 0, or several processes: every epoch does",
        ge=0,
    )
    data_parallel: int = opt(
        0, "devices that the rows of a batch are divided over; 0: all that are there", ge=0
    )
    model_parallel: int = opt(
        1,
        "devices that tables with a row for every item are divided over, and the softmax with them",
        ge=1,
    )
    precision: str = opt(
        "float32",
        "in which the layers' products and the exact softmax are computed; parameters and sums stay float32",
        choices=("float32", "bf16"),
    )


@dataclass(frozen=True)
class RecommendConfig:
    """How lists are made."""

    k: int = opt(10, "items in a list", ge=1)
    noise_draws: int = opt(
        1,
        "noise draws whose probabilities are averaged; 1 with zero noise is the mean generator",
        ge=1,
    )
    cooccurrence_weight: float = opt(
        0.1,
        "weight of what stood near the user's last events in other histories; 0: the model alone",
        ge=0,
    )
    content_weight: float = opt(
        0.3,
        "weight of what is made like the user's last items (texts, sets, categories), as a part of that of neighbours",
        ge=0,
    )
    discriminator_weight: float = opt(
        0.0, "weight of the discriminator's score in the ranking", ge=0
    )
    max_per_category: int = opt(0, "items of one category in a list at the most; 0: no limit", ge=0)
    top_k_recall: float = opt(
        1.0,
        "share of the best items that a list has at least, on average; below 1 is faster, on TPU",
        ge=0.5,
        le=1,
    )
    seen: str = opt("drop", "items the user has seen", choices=("drop", "keep"))
    cold_item_bonus: float = opt(
        0.0,
        "added to the log-probability of items without training events, so that they are met earlier or later",
    )
    hidden_features: list[str] = opt(
        [],
        "features that are hidden, as if they were missing; `id`: item ids, `user.` before those of users",
    )


@dataclass(frozen=True)
class EvaluateConfig:
    """How lists are judged."""

    ks: list[int] = opt([5, 10, 20], "cut-offs")
    split: str = opt(
        "test", "which held-out events are the truth", choices=("test", "valid", "cold")
    )
    bootstrap: int = opt(1000, "resamples for the intervals; 0: none", ge=0)
    seed: int = opt(0, "seed of the bootstrap and of every sample of users", ge=0)
    max_users: int = opt(0, "judge a random sample of users; 0: all", ge=0)


@dataclass(frozen=True)
class Config:
    """All sections."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    recommend: RecommendConfig = field(default_factory=RecommendConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)


STAGE_DEFAULTS: dict[str, dict[str, Any]] = {
    "pretrain": {"train.trainable": ["encoder", "decoder"]},
    "finetune": {"train.trainable": ["generator"]},
}

PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "model.width": 32,
        "model.decoder.layers": 1,
        "model.generator.hidden": 64,
        "train.epochs": 8,
    },
    "small": {"model.width": 64, "model.decoder.layers": 2},
    "base": {"model.width": 128, "model.decoder.layers": 3, "model.generator.hidden": 256},
    "large": {"model.width": 256, "model.decoder.layers": 6, "model.generator.hidden": 512},
}
