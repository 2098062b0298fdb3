"""Several data directories with one feature state to one `Dataset`; their rows are concatenated."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePath

import numpy as np
import polars as pl

from m6rec_cli.data.events import Events
from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.data.format import SPLITS, TEST, VALID
from m6rec_cli.data.manifest import Counts, DataManifest
from m6rec_cli.data.store import Dataset
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import FeatureSpec

FEATURES = "features"
_OWN_FILE = f"{FEATURES}/schema.toml"
"""The file of the `features` folder that domains do not share: their raw tables may differ."""


@dataclass(frozen=True)
class MultiDomainDataset(Dataset):
    """Domains one after the other; a user id that occurs in two domains is two users.

    Attributes:
        parts: The domains in the order given. `path` and `files` are those of the first; all
            share its feature state.
    """

    parts: tuple[Dataset, ...] = ()

    @cached_property
    def domain(self) -> np.ndarray:
        """See `Dataset.domain`."""
        return np.repeat(np.arange(len(self.parts)), [part.n_users for part in self.parts])

    @cached_property
    def item_domain(self) -> np.ndarray:
        """See `Dataset.item_domain`."""
        return np.repeat(np.arange(len(self.parts)), [part.n_items for part in self.parts])

    @cached_property
    def own_item_row(self) -> np.ndarray:
        """See `Dataset.own_item_row`; a user is only an item of their own domain."""
        first_items = np.cumsum([0, *(part.n_items for part in self.parts)])[:-1]
        own = (
            (part.own_item_row, first) for part, first in zip(self.parts, first_items, strict=True)
        )
        return np.concatenate([np.where(rows >= 0, rows + first, -1) for rows, first in own])

    @cached_property
    def users(self) -> pl.DataFrame:
        """The users of all domains, numbered consecutively."""
        return _stack([part.users for part in self.parts])

    @cached_property
    def items(self) -> pl.DataFrame:
        """The items of all domains, numbered consecutively."""
        return _stack([part.items for part in self.parts])

    def event_parts(self) -> Iterator[Events]:
        """See `Dataset.event_parts`; sorted by user, since a domain's users are consecutive."""
        users = items = 0
        for part in self.parts:
            for events in part.event_parts():
                yield replace(
                    events,
                    user_row=events.user_row + np.int32(users),
                    item_row=events.item_row + np.int32(items),
                )
            users, items = users + part.n_users, items + part.n_items

    def feature(self, spec: FeatureSpec) -> FeatureArray:
        """One feature of all domains; shorter lists are padded with -1."""
        arrays = [part.feature(spec) for part in self.parts]
        values = [np.asarray(a.values) for a in arrays]
        if spec.storage == "codes":
            longest = max(v.shape[1] for v in values)
            values = [
                np.pad(v, [(0, 0), (0, longest - v.shape[1])], constant_values=-1) for v in values
            ]
        return FeatureArray(np.concatenate(values), np.concatenate([a.mask for a in arrays]))


def open_domains(paths: Sequence[Path]) -> Dataset:
    """Open one data directory as it is, or several as a `MultiDomainDataset`.

    Raises:
        M6RecError: The directories do not share one feature state, or two of them have the same
            item id.
    """
    parts = tuple(Dataset.open(path) for path in paths)
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    for part in parts[1:]:
        for name in _shared_files(first, part):
            if first.files.files.get(name) != part.files.files.get(name):
                raise M6RecError(
                    "the data directories do not share one feature state: "
                    f"`{PurePath(name).name}` differs",
                    where=f"{first.path / FEATURES} and {part.path / FEATURES}",
                    hint=f"make the second with `m6rec preprocess ... --like {first.path}`",
                )
    joined = MultiDomainDataset(first.path, _manifest(parts), first.specs, first.files, parts)
    ids = joined.items["id"]
    shared = ids.filter(ids.is_duplicated()).unique(maintain_order=True)
    if len(shared):
        raise M6RecError(
            f"{len(shared):,} item ids occur in several data directories, first: `{shared[0]}`",
            where=", ".join(str(path) for path in paths),
            hint="an id names one item of the run: give the ids of each catalogue its own prefix",
        )
    return joined


def _shared_files(*parts: Dataset) -> list[str]:
    """The files that make up the feature state, `features.json` first."""
    names = {name for part in parts for name in part.files.names(FEATURES)} - {_OWN_FILE}
    return sorted(names, key=lambda name: (PurePath(name).name != "features.json", name))


def _manifest(parts: Sequence[Dataset]) -> DataManifest:
    """The first domain's manifest with the counts, inputs and fingerprints of all domains."""
    manifests = [part.manifest for part in parts]
    counts = [m.counts for m in manifests]
    return replace(
        manifests[0],
        counts=Counts(
            users=sum(c.users for c in counts),
            items=sum(c.items for c in counts),
            events=_sums([c.events for c in counts]),
            targets=_sums([c.targets for c in counts]),
        ),
        repeats=sum(m.repeats * _n_held_out(m) for m in manifests)
        / max(1, sum(map(_n_held_out, manifests))),
        has_time=all(m.has_time for m in manifests),  # gaps must mean the same everywhere
        inputs=[file for m in manifests for file in m.inputs],
        fingerprints=tuple(f for m in manifests for f in m.fingerprints),
    )


def _n_held_out(manifest: DataManifest) -> int:
    return manifest.counts.targets[SPLITS[VALID]] + manifest.counts.targets[SPLITS[TEST]]


def _sums(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    return {name: sum(c[name] for c in counts) for name in counts[0]}


def _stack(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    whole = pl.concat(frames, how="vertical_relaxed")
    return whole.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"))
