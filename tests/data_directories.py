"""Arrays to a data directory (see `m6rec_cli/data/format.py`), without `preprocess`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from m6rec_cli.config.resolve import flatten
from m6rec_cli.config.settings import Config
from m6rec_cli.data.feature_arrays import media_stem
from m6rec_cli.data.format import SPLITS
from m6rec_cli.data.manifest import MANIFEST, Counts, DataManifest, write_manifest
from m6rec_cli.data.store import Dataset
from m6rec_cli.preprocessing import schema_file, schema_toml
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.splits import count_repeats
from m6rec_cli.system import digests
from m6rec_cli.system.feature_spec import Entity, FeatureSpec, StateValue


@dataclass(frozen=True)
class Column:
    """One feature for `write_data`.

    Attributes:
        kind: As in `FeatureSpec`.
        values: numeric float (n,); categorical int (n,); set and text: n lists of ints; image uint8
            (n, side, side, 3); vector float (n, size).
        mask: bool (n,), True where there is a value; everywhere by default.
        size: Number of codes; by default one more than the largest code.
        state: `FeatureSpec.state`.
    """

    kind: str
    values: Any
    mask: np.ndarray | None = None
    size: int | None = None
    state: Mapping[str, StateValue] | None = None


def write_data(
    path: Path,
    user_row: Sequence[int] | np.ndarray,
    item_row: Sequence[int] | np.ndarray,
    *,
    n_users: int | None = None,
    n_items: int | None = None,
    timestamp: Sequence[int] | np.ndarray | None = None,
    event: Sequence[int] | np.ndarray | None = None,
    event_names: Sequence[str] = ("event",),
    weight: Sequence[float] | np.ndarray | None = None,
    label: Sequence[bool] | np.ndarray | None = None,
    split: Sequence[int] | np.ndarray | str = "leave-one-out",
    item_features: Mapping[str, Column] | None = None,
    user_features: Mapping[str, Column] | None = None,
    user_ids: Sequence[str] | None = None,
    item_ids: Sequence[str] | None = None,
    display: Sequence[str | None] | None = None,
    files: int = 1,
    users_are_items: bool = False,
) -> Dataset:
    """Write a data directory and open it.

    Args:
        user_row: User of each event; events may be in any order.
        item_row: Item of each event.
        timestamp: Time of each event; by default their order.
        split: Split of each event (0 train, 1 valid, 2 test); or `leave-one-out`: the last event is
            test and the one before it valid, for users with three or more; or `none`.
        files: Number of files that the events are divided over.
    """
    users, items = np.asarray(user_row, np.int64), np.asarray(item_row, np.int64)
    n = len(users)
    n_users = int(users.max(initial=-1)) + 1 if n_users is None else n_users
    n_items = int(items.max(initial=-1)) + 1 if n_items is None else n_items
    times = np.arange(n, dtype=np.int64) if timestamp is None else np.asarray(timestamp, np.int64)
    order = np.lexsort((np.arange(n), times, users))
    splits = _splits(users, order, split)
    frame = pl.DataFrame(
        {
            "user_row": users.astype(np.uint32),
            "item_row": items.astype(np.uint32),
            "timestamp": times,
            "event": np.zeros(n, np.uint8) if event is None else np.asarray(event, np.uint8),
            "weight": np.ones(n, np.float32) if weight is None else np.asarray(weight, np.float32),
            "label": np.ones(n, bool) if label is None else np.asarray(label, bool),
            "split": splits.astype(np.uint8),
        }
    )[order]
    popularity = np.bincount(items[splits == 0], minlength=n_items).astype(np.uint32)
    for folder in ("events", "media", "features"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    cuts = np.linspace(0, n, files + 1).astype(int)
    for i, (a, b) in enumerate(pairwise(cuts.tolist())):
        frame[a:b].write_parquet(path / "events" / f"part-{i:05d}.parquet")
    specs: list[FeatureSpec] = []
    sides: list[tuple[Entity, int, Sequence[str] | None, Mapping[str, Column]]] = [
        ("user", n_users, user_ids, user_features or {}),
        ("item", n_items, item_ids, item_features or {}),
    ]
    for entity, count, ids, features in sides:
        names = list(ids) if ids is not None else [f"{entity[0]}{i}" for i in range(count)]
        table: dict[str, Any] = {
            "row": np.arange(count, dtype=np.uint32),
            "id": pl.Series(names, dtype=pl.String),
        }
        if entity == "item":
            table["display"] = pl.Series(list(display or [None] * count), dtype=pl.String)
            table["popularity"] = popularity
        for name, column in features.items():
            spec, series = _feature(path / "media", name, entity, column, count)
            specs.append(spec)
            if series is not None:
                table[name] = series
        pl.DataFrame(table).write_parquet(path / f"{entity}s.parquet")
    (path / "features" / "features.json").write_text(json.dumps([s.to_json() for s in specs]))
    schema = Schema(
        user="user_id",
        item="item_id",
        timestamp=None if timestamp is None else "timestamp",
        users_are_items=users_are_items,
    )
    (path / "features" / schema_file.FILE).write_text(schema_toml.to_toml(schema))
    events = {name: int((splits == code).sum()) for code, name in enumerate(SPLITS)}
    n_repeats, n_targets = count_repeats(
        users[order], items[order], frame["label"].to_numpy(), splits[order]
    )
    content = repr((frame.rows(), [s.to_json() for s in specs])).encode()
    manifest = DataManifest(
        schema=asdict(schema),
        counts=Counts(
            users=n_users,
            items=n_items,
            events=events,
            targets={split: n for split, n in events.items() if split != "train"},
        ),
        cleaning=[],
        split="leave-one-out" if splits.any() else "none",
        positive=None,
        event_kinds=tuple(event_names),
        has_time=timestamp is not None,
        ties=0,
        repeats=n_repeats / max(n_targets, 1),
        inputs=[],
        config=flatten({"data": asdict(Config().data)}),
        fingerprints=(hashlib.sha256(content).hexdigest(),),
        files={k: v for k, v in digests.of_files(path).items() if k != MANIFEST},
    )
    write_manifest(path, manifest)
    return Dataset.open(path)


def _splits(users: np.ndarray, order: np.ndarray, split: Any) -> np.ndarray:
    if not isinstance(split, str):
        return np.asarray(split, np.int64)
    result = np.zeros(len(users), np.int64)
    if split == "leave-one-out":
        for user in np.unique(users):
            mine = order[users[order] == user]
            if len(mine) >= 3:
                result[mine[-2]], result[mine[-1]] = 1, 2
    return result


def _feature(
    media: Path, name: str, entity: Entity, column: Column, n: int
) -> tuple[FeatureSpec, pl.Series | None]:
    """The fitted feature, and its column unless it is stored as an array."""
    mask = np.ones(n, bool) if column.mask is None else np.asarray(column.mask, bool)
    traits = FEATURE_KINDS.load(column.kind).TRAITS
    known = [v if m else None for v, m in zip(column.values, mask, strict=True)]
    size, length = column.size, 1
    series: pl.Series | None = None
    match traits.storage:
        case "number":
            size = 1
            floats = [None if v is None else float(v) for v in known]
            series = pl.Series(floats, dtype=pl.Float32)
        case "code":
            size = size or int(np.max(column.values)) + 1
            codes = [None if v is None else int(v) for v in known]
            series = pl.Series(codes, dtype=pl.UInt32)
        case "codes":
            lists = [None if v is None else [int(x) for x in v] for v in known]
            size = size or max((max(v) for v in lists if v), default=0) + 1
            length = max((len(v) for v in lists if v), default=1)
            series = pl.Series(lists, dtype=pl.List(pl.UInt32))
        case "array":
            dtype = np.uint8 if column.kind == "image" else np.float32
            array = np.asarray(column.values, dtype)
            size = array.shape[1]
            stem = media_stem(entity, name)
            np.save(media / f"{stem}.npy", array)
            np.save(media / f"{stem}.mask.npy", mask)
    spec = FeatureSpec(
        name=name,
        entity=entity,
        kind=column.kind,
        size=size,
        length=length,
        storage=traits.storage,
        compared_by=traits.compared_by,
        state=dict(column.state or {}),
    )
    return spec, series
