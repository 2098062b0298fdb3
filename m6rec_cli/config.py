"""The configuration: every key with its default, its meaning and its bounds, in one place.

Order of precedence: defaults < the stage's defaults < preset < `--config FILE.toml` < `--set key=value`
(flags of a command are `--set` in short form). Values are TOML literals and are never evaluated.
"""

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from m6rec_cli import registry
from m6rec_cli.errors import M6RecError, nearest


def opt(default: Any, doc: str, *, ge: float | None = None, le: float | None = None,
        choices: tuple[str, ...] = (), part: str = "") -> Any:  # fmt: skip
    """A key with its comment and its bounds; `part` takes the choices from a part folder."""
    meta = {"doc": doc, "ge": ge, "le": le, "choices": choices, "part": part}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=meta)
    return field(default=default, metadata=meta)


@dataclass(frozen=True)
class DataConfig:
    """How `preprocess` cleans, encodes and splits."""

    split: str = opt(
        "leave-one-out", "how events are divided", choices=("leave-one-out", "temporal", "ratio", "none")
    )
    valid_fraction: float = opt(
        0.1, "share of events (temporal: of the time line) for validation", ge=0, le=0.9
    )
    test_fraction: float = opt(0.1, "share of events for test; the rest trains", ge=0, le=0.9)
    cold_items: float = opt(0.0, "share of the items of which nothing is trained or fitted on", ge=0, le=0.9)
    cold_users: float = opt(0.0, "the same for users; the events of both are the split `cold`", ge=0, le=0.9)
    seed: int = opt(0, "seed by which cold items and users are drawn", ge=0)
    min_user_events: int = opt(1, "drop users with fewer events (iterated with min_item_events)", ge=1)
    min_item_events: int = opt(1, "drop items with fewer events, catalogue items without events stay", ge=1)
    max_user_events_per_day: int = opt(0, "drop users beyond this rate as bots; 0: no limit", ge=0)
    outlier_mads: float = opt(
        12.0, "clip numeric values further than this many MADs from the median; 0: never", ge=0
    )
    unknown_items: str = opt("error", "events whose item is not in the catalogue", choices=("error", "drop"))
    unknown_users: str = opt(
        "keep", "events whose user is not in the user table", choices=("keep", "drop", "error")
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

    activation: str = opt("relu", "the sigma of the article's MLPs", choices=("relu", "gelu", "silu", "tanh"))
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
    scan: str = opt("auto", "how a linear recurrence runs: auto takes sequential on CPU, else parallel",
                    choices=("auto", "sequential", "parallel"))  # fmt: skip


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
    item_bias: bool = opt(
        False, "each item has a number of its own in its logit, which learns popularity; new items have none"
    )
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

    reconstruction: float = opt(0.0, "pre-training: rebuild a hidden modality from the others", ge=0)
    contrast: float = opt(0.0, "pre-training: content and id of one item agree (InfoNCE)", ge=0)
    first_event: float = opt(1.0, "weight of predicting a user's first event from the profile alone", ge=0)
    tail: float = opt(
        0.0,
        "a target weighs its popularity to the power of minus this, 1 on average; 0: all alike",
        ge=0,
        le=2,
    )
    truncate: float = opt(
        0.0, "share of a step's targets, those of the highest loss, that are taken for noise", ge=0, le=0.9
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
    weight_decay: float = opt(0.0, "decoupled weight decay", ge=0)
    clip_norm: float = opt(5.0, "clip the gradient's global norm; 0: never", ge=0)
    ema: float = opt(
        0.0, "decay of the averaged parameters that are judged and kept; 0: none", ge=0, le=0.99999
    )
    trainable: list[str] = opt(["encoder", "decoder", "generator"], "parts that learn; the others are frozen")
    alpha: float = opt(1.0, "L = alpha L_rec + (1 - alpha) L_gen; 1: no adversary", ge=0, le=1)
    label_fraction: float = opt(1.0, "fine-tuning: share of users whose labels are used", ge=0, le=1)
    loss: LossConfig = field(default_factory=LossConfig)
    valid_users: int = opt(20000, "users judged on validation after an epoch; 0: all", ge=0)
    softmax: str = opt("exact", "over the whole catalogue, or sampled", choices=("exact", "sampled"))
    cold_negatives: bool = opt(
        True, "items without training events compete in the softmax; false: as if they did not exist yet"
    )
    negatives: int = opt(512, "negatives of the sampled softmax, shared in a step, log-Q corrected", ge=1)
    checkpoint_epochs: int = opt(1, "epochs between checkpoints", ge=1)
    data_parallel: int = opt(
        0, "devices that the rows of a batch are divided over; 0: all that are there", ge=0
    )
    model_parallel: int = opt(
        1, "devices that tables with a row for every item are divided over, and the softmax with them", ge=1
    )
    precision: str = opt(
        "float32", "in which matrix products are computed; parameters and sums stay float32",
        choices=("float32", "bf16"),
    )  # fmt: skip


@dataclass(frozen=True)
class RecommendConfig:
    """How lists are made."""

    k: int = opt(10, "items in a list", ge=1)
    draws: int = opt(
        1, "noise draws whose probabilities are averaged; 1 with zero noise is the mean generator", ge=1
    )
    judge_weight: float = opt(0.0, "weight of the discriminator's score in the ranking", ge=0)
    max_per_category: int = opt(0, "items of one category in a list at the most; 0: no limit", ge=0)
    seen: str = opt("drop", "items the user has seen", choices=("drop", "keep"))
    without: list[str] = opt(
        [], "features that are hidden, as if they were missing; `id`: item ids, `user.` before those of users"
    )


@dataclass(frozen=True)
class EvaluateConfig:
    """How lists are judged."""

    ks: list[int] = opt([5, 10, 20], "cut-offs")
    split: str = opt("test", "which held-out events are the truth", choices=("test", "valid", "cold"))
    bootstrap: int = opt(1000, "resamples for the intervals; 0: none", ge=0)
    seed: int = opt(0, "seed of the bootstrap", ge=0)
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
    "tiny": {"model.width": 32, "model.decoder.layers": 1, "model.generator.hidden": 64, "train.epochs": 8},
    "small": {"model.width": 64, "model.decoder.layers": 2},
    "base": {"model.width": 128, "model.decoder.layers": 3, "model.generator.hidden": 256},
    "large": {"model.width": 256, "model.decoder.layers": 6, "model.generator.hidden": 512},
}


def resolve(stage: str = "", *, preset: str | None = None, file: Path | None = None,
            sets: Iterable[str] = (), base: Mapping[str, Any] | None = None) -> Config:  # fmt: skip
    """Merge the layers into one checked configuration.

    Args:
        stage: Adds the stage's own defaults (`pretrain`, `finetune`).
        base: Dotted keys laid over the defaults first (a parent run's model section).
        sets: `key=value` strings; a value that is no TOML literal is taken as a plain string.

    Raises:
        M6RecError: An unknown key or preset, or a value of the wrong type or out of bounds.
    """
    layers: list[tuple[str, Mapping[str, Any]]] = [
        ("the parent run", base or {}),
        ("defaults", STAGE_DEFAULTS.get(stage, {})),
    ]
    if preset is not None:
        if preset not in PRESETS:
            raise M6RecError(f"unknown preset `{preset}`", where="--preset", hint=nearest(preset, PRESETS))
        layers.append(("--preset", PRESETS[preset]))
    if file is not None:
        layers.append((str(file), flatten(_read_toml(file))))
    layers += [("--set", {key: value}) for key, value in map(_parse_set, sets)]
    config = Config()
    for where, values in layers:
        for key, value in values.items():
            config = _with(config, key, value, where)
    return config


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables to dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def section(config: Config, name: str) -> dict[str, Any]:
    """One section as dotted keys, ready for `resolve(base=...)`."""
    return flatten({name: dataclasses.asdict(getattr(config, name))})


def keys() -> dict[str, dataclasses.Field[Any]]:
    """Every dotted key with its field."""

    def walk(cls: type, prefix: str) -> dict[str, dataclasses.Field[Any]]:
        found: dict[str, dataclasses.Field[Any]] = {}
        hints = get_type_hints(cls)
        for f in fields(cls):
            if is_dataclass(hints[f.name]):
                found |= walk(hints[f.name], f"{prefix}{f.name}.")
            else:
                found[prefix + f.name] = f
        return found

    return walk(Config, "")


def to_toml(config: Config, *, comments: bool = False) -> str:
    """The configuration as TOML that `--config` reads back."""
    docs = keys()
    lines: list[str] = []

    def table(value: Any, path: str) -> None:
        plain = [f for f in fields(value) if not is_dataclass(getattr(value, f.name))]
        if plain and path:
            lines.extend(["", f"[{path}]"])
        for f in plain:
            key = f"{path}.{f.name}"
            if comments:
                lines.append(f"# {_comment(docs[key])}")
            lines.append(f"{f.name} = {toml_literal(getattr(value, f.name))}")
        for f in fields(value):
            if is_dataclass(getattr(value, f.name)):
                table(getattr(value, f.name), f"{path}.{f.name}" if path else f.name)

    table(config, "")
    return "\n".join(lines).strip() + "\n"


def toml_literal(value: Any) -> str:
    """One value as a TOML literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_literal, value)) + "]"
    escaped = "".join(
        f"\\{c}" if c in '"\\' else c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in str(value)
    )
    return f'"{escaped}"'


def _comment(f: dataclasses.Field[Any]) -> str:
    meta = f.metadata
    choices = meta["choices"] or (registry.names(meta["part"]) if meta["part"] else ())
    bounds = [
        f"{sign} {meta[name]:g}" for name, sign in (("ge", ">="), ("le", "<=")) if meta[name] is not None
    ]
    extra = " | ".join(choices) or ", ".join(bounds)
    return meta["doc"] + (f" ({extra})" if extra else "")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise M6RecError("the configuration file does not exist", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise M6RecError(f"the configuration file is not TOML: {error}", where=str(path)) from None


def _parse_set(text: str) -> tuple[str, Any]:
    key, sign, raw = text.partition("=")
    if not sign or not key.strip():
        raise M6RecError(
            f"`{text}` is not of the form key=value",
            where="--set",
            hint="for instance `--set train.epochs=5`",
        )
    try:
        table = tomllib.loads(f"value = {raw.strip()}")
        if table.keys() != {"value"}:
            raise M6RecError(
                f"`{text}` sets more than one key", where="--set", hint="pass `--set` once for each key"
            )
        return key.strip(), table["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), raw.strip()


def _with(config: Any, key: str, value: Any, where: str, path: str = "") -> Any:
    head, _, rest = key.partition(".")
    known = {f.name: f for f in fields(config)}
    full = f"{path}{head}"
    if head not in known or (rest and not is_dataclass(getattr(config, head))):
        raise M6RecError(
            f"unknown configuration key `{path}{key}`", where=where, hint=nearest(path + key, keys())
        )
    if rest:
        return dataclasses.replace(
            config, **{head: _with(getattr(config, head), rest, value, where, full + ".")}
        )
    if is_dataclass(getattr(config, head)):
        raise M6RecError(f"`{full}` is a section, not a key", where=where, hint=nearest(full, keys()))
    return dataclasses.replace(
        config, **{head: _checked(known[head], get_type_hints(type(config))[head], value, full, where)}
    )


def _checked(f: dataclasses.Field[Any], hint: Any, value: Any, key: str, where: str) -> Any:
    if get_origin(hint) is list:
        (inner,) = get_args(hint)
        if not isinstance(value, list) or not all(type(v) is inner for v in value):
            raise M6RecError(f"`{key}` takes a list of {inner.__name__}, not {value!r}", where=where,
                             hint=f"for instance `--set '{key}={toml_literal(_example(f))}'`")  # fmt: skip
        return value
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint:
        raise M6RecError(f"`{key}` takes {_TYPE_WORDS[hint]}, not {value!r}", where=where,
                         hint=f"for instance `{key}={toml_literal(_example(f))}`")  # fmt: skip
    meta = f.metadata
    choices = meta["choices"] or (registry.names(meta["part"]) if meta["part"] else ())
    if choices and value not in choices:
        raise M6RecError(f"`{key}` cannot be `{value}`", where=where, hint=nearest(value, choices))
    if hint in (int, float):
        too_low = meta["ge"] is not None and not value >= meta["ge"]
        too_high = meta["le"] is not None and not value <= meta["le"]
        if too_low or too_high:
            raise M6RecError(f"`{key}` is {value:g}, out of its bounds", where=where, hint=_comment(f))
    return value


_TYPE_WORDS = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}


def _example(f: dataclasses.Field[Any]) -> Any:
    return f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default
