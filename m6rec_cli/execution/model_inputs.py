"""A data directory to the inputs of the model: its spec, feature tables and tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jax
import numpy as np

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.data.packing import PackedRows
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution.layout import ITEM_TABLE
from m6rec_cli.model.fusion import Features
from m6rec_cli.model.recommender import ModelSpec, Tokens
from m6rec_cli.system.errors import M6RecError, nearest_hint
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.shapes import DomainTable, I_bool


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FeatureTables:
    """Features of all items and users; arguments of compiled functions, never constants in them.

    Attributes:
        items: Features of all items.
        users: Features of all users; empty if users have none.
        warm: Items with training events, whose id embeddings are trained.
        domains: bool (i, domains), the domain of each item; None if there is one domain alone.
    """

    items: Features = field(metadata=ITEM_TABLE)
    users: Features
    warm: I_bool = field(metadata=ITEM_TABLE)
    domains: DomainTable | None = field(default=None, metadata=ITEM_TABLE)


def select_features(specs: tuple[FeatureSpec, ...], config: ModelConfig) -> tuple[FeatureSpec, ...]:
    """The features that `model.features` and `model.exclude` select.

    Raises:
        M6RecError: One of them names an unknown feature.
    """
    names = {_label(spec): spec for spec in specs}
    for key, wanted in (("model.features", config.features), ("model.exclude", config.exclude)):
        for name in wanted:
            if name not in names and not (key == "model.features" and name == "all"):
                raise M6RecError(
                    f"`{key}` names an unknown feature `{name}`",
                    hint=nearest_hint(name, names),
                )
    chosen = set(names) if "all" in config.features else set(config.features)
    return tuple(
        spec for label, spec in names.items() if label in chosen and label not in config.exclude
    )


def _label(spec: FeatureSpec) -> str:
    return spec.name if spec.entity == "item" else f"user.{spec.name}"


def model_spec(data: Dataset, config: ModelConfig) -> ModelSpec:
    """The spec of a model of these data."""
    specs = select_features(data.specs, config)
    by_entity = {
        entity: tuple(s for s in specs if s.entity == entity) for entity in ("item", "user")
    }
    return ModelSpec(
        data.n_items, len(data.manifest.event_kinds), by_entity["item"], by_entity["user"]
    )


def feature_tables(data: Dataset, spec: ModelSpec) -> FeatureTables:
    """The features that the model reads, on the device."""
    warm = data.items["popularity"].to_numpy() > 0
    n_domains = int(data.item_domain.max(initial=0)) + 1
    domains = data.item_domain[:, None] == np.arange(n_domains)
    return FeatureTables(
        _features(data, spec.item_specs),
        _features(data, spec.user_specs),
        jax.device_put(warm),
        jax.device_put(domains) if n_domains > 1 else None,
    )


def _features(data: Dataset, specs: tuple[FeatureSpec, ...]) -> Features:
    return features_on_device({spec.name: data.feature(spec) for spec in specs})


def features_on_device(
    arrays: Mapping[str, FeatureArray], rows: np.ndarray | None = None
) -> Features:
    """Features of all rows, or of some, as the model reads them."""
    some = slice(None) if rows is None else rows
    return {
        name: (jax.device_put(np.asarray(a.values[some])), jax.device_put(a.mask[some]))
        for name, a in arrays.items()
    }


def packed_tokens(rows: PackedRows) -> Tokens:
    """The tokens of packed rows, as numpy arrays."""
    return Tokens(rows.item, rows.event, rows.gap, rows.user, rows.reset)
