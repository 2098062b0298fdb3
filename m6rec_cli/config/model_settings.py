"""The keys of the section `model`: features, encoder, decoder, generator."""

from dataclasses import dataclass, field

from m6rec_cli.config.keys import key


@dataclass(frozen=True)
class EncoderConfig:
    """MLP towers and their fusion (article 4.1.1)."""

    activation: str = key(
        "relu",
        "activation function of the MLPs (the article's sigma)",
        choices=("relu", "gelu", "silu", "tanh"),
    )
    layers: int = key(1, "hidden layers of each tower", ge=1, le=8)
    refresh_rows: int = key(
        4096,
        "items whose content is encoded again in each step, those of the batch first; the others "
        "keep their last content vector",
        ge=4,
    )


@dataclass(frozen=True)
class DecoderConfig:
    """The recurrent decoder (article 4.1.2)."""

    kind: str = key("mingru", "recurrent cell", part="model.decoders")
    layers: int = key(2, "residual blocks", ge=1, le=32)
    expansion: int = key(4, "width of the feed-forward layer, as a multiple of `width`", ge=1)
    time_gaps: bool = key(True, "embed the time since the previous event, where times are known")
    scan: str = key(
        "auto",
        "how a linear recurrence is computed; auto: sequential on CPU, parallel elsewhere",
        choices=("auto", "sequential", "parallel"),
    )


@dataclass(frozen=True)
class GeneratorConfig:
    """The GAN (article 4.1.3)."""

    kind: str = key("residual", "generator", part="model.generators")
    noise: int = key(16, "dimension of the noise z", ge=1)
    hidden: int = key(128, "hidden width of generator and discriminator", ge=1)
    penalty: float = key(1.0, "weight of the discriminator's gradient penalties R1 and R2", ge=0)


@dataclass(frozen=True)
class ModelConfig:
    """The model's architecture and its dropout."""

    width: int = key(64, "embedding dimension d", ge=4)
    features: list[str] = key(
        ["all"],
        "features that the encoder reads: `all`, or names (with the prefix `user.` for user "
        "features)",
    )
    exclude: list[str] = key([], "features that the encoder does not read")
    item_ids: bool = key(True, "give each item an id embedding beside its content")
    id_dropout: float = key(
        0.1, "share of the items whose id embedding is dropped in a training step", ge=0, le=1
    )
    modality_dropout: float = key(
        0.1,
        "probability that a modality of an item or user is dropped in a training step",
        ge=0,
        le=1,
    )
    dropout: float = key(0.3, "dropout in the decoder and on its input", ge=0, le=0.95)
    temperature: float = key(1.0, "divides the logits", ge=1e-3)
    max_history: int = key(200, "latest events of a user that the decoder reads", ge=1)
    long_horizon: int = key(
        0,
        "first positions of a history that learn two questions: the next item, and, in half of the "
        "histories, a random later item of the user, for `recommend.horizon=long`; 0 learns the "
        "first alone",
        ge=0,
    )
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
