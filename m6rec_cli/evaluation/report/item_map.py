"""A run's item embeddings to a map of the catalogue: two coordinates and a group for each item."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation.catalogue_facts import feature_codes
from m6rec_cli.evaluation.slices import BANDS, popularity_band
from m6rec_cli.system.run_manifest import read_run

MAX_ITEMS = 800
"""Items on the map; of more, a random sample is drawn."""
MAX_GROUPS = 12
"""Groups with a colour of their own, those with the most items."""
OTHER, NO_VALUE = "other", "no value"
_MIN_ITEMS = 3


@dataclass(frozen=True, kw_only=True)
class ItemMap:
    """Items in two dimensions: similar embeddings lie close together.

    Attributes:
        run: Whose embeddings they are.
        n_items: Items of the catalogue, of which the map may show a sample.
        grouped_by: The feature that gives the groups, or `popularity`.
        groups: Names of the groups with a colour; the last ones may be `other` and `no value`.
        names: A readable name of each item of the map.
        group: Index into `groups` of each item.
        x: From 0 to 1.
        y: The same.
    """

    run: str
    n_items: int
    grouped_by: str
    groups: list[str]
    names: list[str]
    group: list[int]
    x: list[float]
    y: list[float]


def draw_map(name: str, data: Dataset, grouped_by: str, seed: int) -> ItemMap | None:
    """The map of a run's catalogue: two principal components of embeddings of length 1.

    Args:
        grouped_by: An item feature with a vocabulary; popularity bands if there is no such feature.

    Returns:
        None if the run was not trained on this data directory alone, or for a handful of items.

    Raises:
        M6RecError: A file of the run is damaged.
    """
    run = read_run(Path(name))
    if run.data_fingerprints != data.manifest.fingerprints or data.n_items < _MIN_ITEMS:
        return None
    embeddings = run.directory(Path(name)).read("catalogue/embeddings.npy", np.load)
    if len(embeddings) != data.n_items:
        return None
    rng = np.random.default_rng(seed)
    shown = np.sort(rng.permutation(data.n_items)[:MAX_ITEMS])
    values, feature = _groups(data, grouped_by)
    groups, group = _largest([values[row] for row in shown])
    x, y = _two_components(embeddings[shown].astype(np.float64))
    names = data.items.select(pl.coalesce("display", "id")).to_series()
    return ItemMap(
        run=name,
        n_items=data.n_items,
        grouped_by=feature,
        groups=groups,
        names=names.gather(shown).to_list(),
        group=group,
        x=x.tolist(),
        y=y.tolist(),
    )


def _groups(data: Dataset, grouped_by: str) -> tuple[list[str], str]:
    """The group of each item and what it is called: the item's first value of a feature."""
    for spec in data.specs:
        vocabulary = spec.state.get("vocabulary")
        if spec.entity == "item" and spec.name == grouped_by and isinstance(vocabulary, list):
            codes = feature_codes(data, spec)
            first = np.zeros(data.n_items, np.int64)
            has_value = np.diff(codes.indptr) > 0
            first[has_value] = codes.indices[codes.indptr[:-1][has_value]]
            known = [OTHER, *map(str, vocabulary)]
            return [
                known[code] if has else NO_VALUE for code, has in zip(first, has_value, strict=True)
            ], grouped_by
    popularity = data.items["popularity"].to_numpy().astype(np.int64)
    return [BANDS[band] for band in popularity_band(popularity)], "popularity"


def _largest(values: list[str]) -> tuple[list[str], list[int]]:
    """The groups with a colour, largest first, and the index of each value among them."""
    counted = Counter(values)
    rest = [name for name in (OTHER, NO_VALUE) if name in counted]
    own = [name for name, _ in counted.most_common() if name not in rest]
    groups = own[:MAX_GROUPS]
    if len(own) > MAX_GROUPS and OTHER not in rest:
        rest.insert(0, OTHER)
    groups += rest
    index = {name: i for i, name in enumerate(groups)}
    return groups, [index[value] if value in index else index[OTHER] for value in values]


def _two_components(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first two principal components, each from 0 to 1; their signs are fixed."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    vectors = embeddings / np.where(lengths > 0, lengths, 1)
    left, scale, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    found = []
    for component in (left[:, :2] * scale[:2]).T:
        # A singular vector has either sign: the largest coordinate is made positive.
        component = component * np.sign(component[np.argmax(np.abs(component))] or 1)
        low, high = component.min(), component.max()
        found.append(np.round((component - low) / ((high - low) or 1), 3))
    return found[0], found[1]
