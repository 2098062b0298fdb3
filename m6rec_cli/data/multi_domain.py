"""Several data directories with one feature state as one data set: their rows, one directory after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from m6rec_cli.data.store import Dataset, Events, FeatureArray
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import FeatureSpec

_STATE = ("features.json", "tokenizer.json", "events.json")


@dataclass(frozen=True)
class MultiDomainDataset(Dataset):
    """Domains side by side; a user id that stands in two of them is two users.

    Attributes:
        parts: The domains, in the order given; `path` is that of the first, whose feature state all share.
    """

    parts: tuple[Dataset, ...] = ()

    @cached_property
    def domain(self) -> np.ndarray:
        """See `Dataset.domain`."""
        return np.repeat(np.arange(len(self.parts)), [part.n_users for part in self.parts])

    @cached_property
    def own_item(self) -> np.ndarray:
        """Within each domain: a user is no item of another."""
        before = np.cumsum([0, *(part.n_items for part in self.parts)])
        own = ((part.own_item, first) for part, first in zip(self.parts, before[:-1], strict=True))
        return np.concatenate([np.where(rows >= 0, rows + first, -1) for rows, first in own])

    @cached_property
    def users(self) -> pl.DataFrame:
        """All users, rows counted through."""
        return _stack([part.users for part in self.parts])

    @cached_property
    def items(self) -> pl.DataFrame:
        """All items, rows counted through."""
        return _stack([part.items for part in self.parts])

    @cached_property
    def events(self) -> Events:
        """All events; sorted by user, since the domains' users follow each other."""
        columns: dict[str, list[np.ndarray]] = {name: [] for name in Events.__dataclass_fields__}
        users = items = 0
        for part in self.parts:
            for name, found in columns.items():
                array = getattr(part.events, name)
                shift = {"user_row": users, "item_row": items}.get(name)
                found.append(array if shift is None else array + np.int32(shift))
            users, items = users + part.n_users, items + part.n_items
        return Events(**{name: np.concatenate(found) for name, found in columns.items()})

    def feature(self, spec: FeatureSpec) -> FeatureArray:
        """One feature of all rows; shorter lists are filled up with -1."""
        arrays = [part.feature(spec) for part in self.parts]
        values = [np.asarray(a.values) for a in arrays]
        if spec.kind in ("set", "text"):
            longest = max(v.shape[1] for v in values)
            values = [
                np.pad(v, [(0, 0), (0, longest - v.shape[1])], constant_values=-1) for v in values
            ]
        return FeatureArray(np.concatenate(values), np.concatenate([a.mask for a in arrays]))


def open_all(paths: Sequence[Path]) -> Dataset:
    """One data directory as it is, several as `Joined`.

    Raises:
        M6RecError: The directories do not share one feature state, or an item id stands in two of them.
    """
    parts = tuple(Dataset.open(path) for path in paths)
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    for part in parts[1:]:
        for name in _STATE:
            if _bytes(first.path / "features" / name) != _bytes(part.path / "features" / name):
                raise M6RecError(
                    f"the data directories do not share one feature state: `{name}` differs",
                    where=f"{first.path / 'features'} and {part.path / 'features'}",
                    hint=f"make the second with `m6rec preprocess ... --like {first.path}`",
                )
    joined = MultiDomainDataset(first.path, _manifest(parts), first.specs, parts)
    twice = (
        joined.items["id"].filter(joined.items["id"].is_duplicated()).unique(maintain_order=True)
    )
    if len(twice):
        raise M6RecError(
            f"{len(twice):,} item ids stand in several data directories, first: `{twice[0]}`",
            where=", ".join(str(path) for path in paths),
            hint="an id names one item of the run: give the ids of each catalogue a prefix of its own",
        )
    return joined


def _manifest(parts: Sequence[Dataset]) -> dict[str, Any]:
    """What training reads of it. Times are read as times where all domains have them."""
    first = parts[0].manifest
    counts = {"users": sum(p.n_users for p in parts), "items": sum(p.n_items for p in parts)}
    return {
        **first,
        "counts": counts,
        "has_time": all(p.has_time for p in parts),
        "fingerprint": "+".join(p.manifest["fingerprint"] for p in parts),
    }


def _stack(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    whole = pl.concat(frames, how="vertical_relaxed")
    return whole.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"))


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
