"""From a data directory to what the model reads: sizes, and feature tables on the device."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import numpy as np

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.data.packing import PackedRows
from m6rec_cli.data.store import Dataset, FeatureArray
from m6rec_cli.model.fusion import Features
from m6rec_cli.model.recommender import ModelSpec, Tokens
from m6rec_cli.system.errors import M6RecError, nearest
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.shapes import I_bool


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tables:
    """What every step looks up; arguments of the compiled functions, never constants inside them.

    Attributes:
        items: Features of all items.
        users: Features of all users; empty if users have none.
        warm: Items that have training events, so that their id embeddings are trained.
    """

    items: Features
    users: Features
    warm: I_bool


def select(specs: tuple[FeatureSpec, ...], config: ModelConfig) -> tuple[FeatureSpec, ...]:
    """The features that `model.features` and `model.exclude` leave.

    Raises:
        M6RecError: A name that no feature has.
    """
    names = {_label(spec): spec for spec in specs}
    for key, wanted in (("model.features", config.features), ("model.exclude", config.exclude)):
        for name in wanted:
            if name not in names and not (key == "model.features" and name == "all"):
                raise M6RecError(
                    f"`{key}` names a feature that the data have not: `{name}`",
                    hint=nearest(name, names),
                )
    chosen = set(names) if "all" in config.features else set(config.features)
    return tuple(
        spec for label, spec in names.items() if label in chosen and label not in config.exclude
    )


def _label(spec: FeatureSpec) -> str:
    return spec.name if spec.entity == "item" else f"user.{spec.name}"


def sizes(data: Dataset, config: ModelConfig) -> ModelSpec:
    """What the data say of the model's shape."""
    specs = select(data.specs, config)
    by_entity = {
        entity: tuple(s for s in specs if s.entity == entity) for entity in ("item", "user")
    }
    return ModelSpec(
        data.n_items, len(data.manifest["events"]), by_entity["item"], by_entity["user"]
    )


def tables(data: Dataset, size: ModelSpec) -> Tables:
    """Read the features and put them on the device."""
    warm = data.items["popularity"].to_numpy() > 0
    return Tables(
        _features(data, size.item_specs), _features(data, size.user_specs), jax.device_put(warm)
    )


def _features(data: Dataset, specs: tuple[FeatureSpec, ...]) -> Features:
    return on_device({spec.name: data.feature(spec) for spec in specs})


def on_device(arrays: Mapping[str, FeatureArray], rows: np.ndarray | None = None) -> Features:
    """Features of all rows or of some, ready for the model."""
    some = slice(None) if rows is None else rows
    return {
        name: (jax.device_put(np.asarray(a.values[some])), jax.device_put(a.mask[some]))
        for name, a in arrays.items()
    }


def tokens(rows: PackedRows) -> Tokens:
    """The inputs of packed rows, as numpy arrays."""
    return Tokens(rows.item, rows.event, rows.gap, rows.user, rows.reset)
