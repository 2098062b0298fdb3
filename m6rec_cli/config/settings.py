"""All configuration keys in one tree, the defaults of each stage, and the presets."""

from dataclasses import dataclass, field

from m6rec_cli.config.data_settings import DataConfig
from m6rec_cli.config.keys import MAX_SEED, Value, key
from m6rec_cli.config.model_settings import ModelConfig
from m6rec_cli.config.training_settings import TrainConfig


@dataclass(frozen=True)
class RecommendConfig:
    """How `recommend` makes ranked lists."""

    k: int = key(10, "items in a list", ge=1)
    noise_draws: int = key(
        1,
        "noise draws of the generator whose probabilities are averaged; 1 uses zero noise",
        ge=1,
    )
    ranking: str = key(
        "learned",
        "weights of model, item graphs and popularity in a score: `learned` on validation events "
        "when the run was trained, `fixed`, or `model`, which uses the model alone",
        choices=("learned", "fixed", "model"),
    )
    horizon: str = key(
        "next",
        "what lists predict: the `next` event, or what a user comes to in the `long` run, by the "
        "model alone; `long` needs a run with `model.long_horizon`",
        choices=("next", "long"),
    )
    cooccurrence_weight: float = key(
        0.1, "with `ranking=fixed`: weight of the co-occurrence graph", ge=0
    )
    content_weight: float = key(
        0.3,
        "with `ranking=fixed`: weight of the content-similarity graph, as a multiple of "
        "`cooccurrence_weight`; 1 is added for cold items, which have no co-occurrences",
        ge=0,
    )
    discriminator_weight: float = key(
        0.0, "weight of the discriminator's log-probability, added to the scores", ge=0
    )
    max_per_category: int = key(
        0, "maximum number of items of one category in a list; 0 sets no limit", ge=0
    )
    top_k_recall: float = key(
        1.0,
        "expected share of the true top items in a list; below 1 is faster, on TPU only",
        ge=0.5,
        le=1,
    )
    seen: str = key(
        "auto",
        "items that the user has seen: `drop` or `keep` them; `auto` keeps them if more than 10% "
        "of the held-out targets are repeats",
        choices=("auto", "drop", "keep"),
    )
    cold_item_bonus: float = key(
        0.0,
        "added to the logits of items without events; half of it after 10 events of an item that "
        "came after training",
    )
    hidden_features: list[str] = key(
        [],
        "features treated as missing: names, `user.` before user features, `id` for item ids",
    )


@dataclass(frozen=True)
class EvaluateConfig:
    """How `evaluate` measures ranked lists."""

    ks: list[int] = key([5, 10, 20], "cut-offs k of the metrics")
    split: str = key(
        "test", "held-out events that count as relevant", choices=("test", "valid", "cold")
    )
    protocol: str = key(
        "all",
        "what lists are asked for: `all` later events of a user, one list each; `rolling`: the "
        "next event while time goes on, one list per held-out event",
        choices=("all", "rolling"),
    )
    bootstrap: int = key(1000, "bootstrap resamples for the intervals; 0 computes none", ge=0)
    seed: int = key(
        0, "seed of the bootstrap and of the random samples of users", ge=0, le=MAX_SEED
    )
    max_users: int = key(0, "evaluate a random sample of so many users; 0 takes all", ge=0)
    sample_users: int = key(
        5, "users drawn at random whose histories and lists the report shows", ge=0, le=50
    )


@dataclass(frozen=True)
class Config:
    """The configuration of all commands."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    recommend: RecommendConfig = field(default_factory=RecommendConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)


STAGE_DEFAULTS: dict[str, dict[str, Value]] = {
    "pretrain": {"train.trainable": ["encoder", "decoder"]},
    "finetune": {"train.trainable": ["generator"]},
}
"""Keys whose default depends on the stage."""

PRESETS: dict[str, dict[str, Value]] = {
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
"""Keys that `--preset` sets."""
