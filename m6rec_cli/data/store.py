"""A data directory, read back: what every later stage knows of the data.

Layout and columns (written by `stages/preprocess.py`, manifest last):

- `manifest.json`: `format`, `schema`, `counts` (users, items, events and held-out targets per split), `cleaning`,
  `split`, `positive` (the expression, or null), `events` (names of the event kinds by code), `has_time`, `ties`,
  `inputs`, `config`, `fingerprint` (a digest of all other files).
- `users.parquet`: `row` u32, `id` str, then one column a user feature.
- `items.parquet`: `row` u32, `id` str, `display` str (nullable, a readable name), `popularity` u32 (training
  events), then one column an item feature.
- Feature columns, null where missing: numeric f32 (standardised); categorical u32 code; set and text list[u32]
  codes, cut to the feature's length. Codes run from 0 to `FeatureSpec.size - 1`. Media and vectors lie in `media/`.
- `events/*.parquet`: `user_row` u32, `item_row` u32, `timestamp` i64 (milliseconds, or the order), `event` u8,
  `weight` f32, `label` bool, `split` u8 (0 train, 1 valid, 2 test, 3 cold); sorted by user, time, file order; the
  files in the order of their names.
- `media/<entity>.<feature>.npy`, aligned to rows: images uint8 (rows, side, side, 3), videos uint8 (rows, frames,
  side, side, 3), audio float16 (rows, frames, mel bins), vectors float32 (rows, components);
  `media/<entity>.<feature>.mask.npy`: bool (rows,), True where there is a value.
- `features/features.json`: a list of `FeatureSpec`; `features/tokenizer.json` if there is text;
  `features/schema.toml` and `features/events.json` (kinds by code), by which raw files can be read again.
- `FeatureSpec.state`: `column` (raw name); numeric `log1p low high mean scale`; categorical `vocabulary` (the value
  at i has code i + 1, code 0 is for rare and unknown ones); set the same and `separator`; vector `mean scale`
  and, if a frozen model makes it, `encoder` (path) and `sha256`; audio `seconds`.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from m6rec_cli.data.format import COLD, SPLITS
from m6rec_cli.system.directories import read_json
from m6rec_cli.system.errors import M6RecError, not_there
from m6rec_cli.system.feature_spec import MEDIA, Entity, FeatureSpec

FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Events:
    """The event log as arrays of one length, sorted by user, then time, then file order."""

    user_row: np.ndarray  # int32
    item_row: np.ndarray  # int32
    timestamp: np.ndarray  # int64
    event: np.ndarray  # uint8
    weight: np.ndarray  # float32
    label: np.ndarray  # bool
    split: np.ndarray  # uint8

    def __len__(self) -> int:
        return len(self.user_row)

    def take(self, index: np.ndarray) -> "Events":
        """The events at `index` (a mask or positions that keep the order)."""
        return Events(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def offsets(self, n_users: int) -> np.ndarray:
        """`offsets[u]:offsets[u + 1]` are the events of user row `u`; int64 of length n_users + 1."""
        return np.searchsorted(self.user_row, np.arange(n_users + 1))


@dataclass(frozen=True)
class FeatureArray:
    """One feature of every row of its entity.

    Attributes:
        values: numeric f32 (n,); categorical i32 (n,); set and text i32 (n, length), -1 beyond the end;
            vector f32 (n, size), image uint8 (n, side, side, 3), video uint8 (n, length, side, side, 3) and
            audio f16 (n, length, size), memory-mapped.
        mask: bool (n,), True where there is a value.
    """

    values: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """A complete data directory; the heavy parts are read when they are asked for."""

    path: Path
    manifest: dict[str, Any]
    specs: tuple[FeatureSpec, ...]

    @classmethod
    def open(cls, path: Path) -> "Dataset":
        """Open a data directory.

        Raises:
            M6RecError: It is not there, is incomplete, or was written in another format.
        """
        if not (path / MANIFEST).exists():
            what = (
                "this is not a data directory"
                if path.exists()
                else "the data directory does not exist"
            )
            absent = None if path.exists() else not_there(path)
            raise M6RecError(
                what,
                where=str(path / MANIFEST),
                hint=absent or "make it with `m6rec preprocess ... --out DIR`",
            )
        manifest = read_json(path / MANIFEST, "the data directory's manifest")
        if manifest.get("format") != FORMAT:
            raise M6RecError(
                f"the data directory has format {manifest.get('format')}, this version reads {FORMAT}",
                where=str(path / MANIFEST),
                hint="run `m6rec preprocess` again",
            )
        return cls(path, manifest, read_specs(path / "features"))

    @property
    def n_users(self) -> int:
        """Rows of the user table."""
        return self.manifest["counts"]["users"]

    @property
    def n_items(self) -> int:
        """Rows of the item table."""
        return self.manifest["counts"]["items"]

    @property
    def has_time(self) -> bool:
        """Whether timestamps are real times and not just an order."""
        return self.manifest["has_time"]

    @cached_property
    def own_item(self) -> np.ndarray:
        """The row of the item that each user is himself, int64 (n_users,); -1 where users are no items."""
        if not self.manifest["schema"].get("users_are_items"):
            return np.full(self.n_users, -1)
        return own_rows(self.users["id"], self.items["id"])

    @cached_property
    def domain(self) -> np.ndarray:
        """The domain of each user row, int (n_users,): 0 where there is one data directory."""
        return np.zeros(self.n_users, np.int64)

    @cached_property
    def users(self) -> pl.DataFrame:
        """`users.parquet`."""
        return _read_parquet(self.path / "users.parquet")

    @cached_property
    def items(self) -> pl.DataFrame:
        """`items.parquet`."""
        return _read_parquet(self.path / "items.parquet")

    @cached_property
    def events(self) -> Events:
        """All events of every split."""
        files = sorted((self.path / "events").glob("*.parquet"))
        frame = pl.concat([_read_parquet(f) for f in files])
        dtypes: dict[str, Any] = {
            "user_row": np.int32,
            "item_row": np.int32,
            "timestamp": np.int64,
            "event": np.uint8,
            "weight": np.float32,
            "label": bool,
            "split": np.uint8,
        }
        return Events(*(frame[name].to_numpy().astype(dtype) for name, dtype in dtypes.items()))

    def history(self, before: str) -> Events:
        """Events earlier than the held-out split `before` (`valid`, `test` or `cold`); `all` gives every event.

        Cold events lie anywhere in a log: the history before them ends at the user's first one that is to be found.
        """
        limit = len(SPLITS) if before == "all" else SPLITS.index(before)
        chosen = self.events.split < limit
        if before == SPLITS[COLD]:
            found = np.cumsum((self.events.split == COLD) & self.events.label)
            earlier = np.concatenate([[0], found])[self.events.offsets(self.n_users)]
            chosen &= found == earlier[self.events.user_row]
        return self.events.take(chosen)

    def truth(self, split: str) -> Events:
        """The labelled events of a held-out split: what a recommender is to find."""
        return self.events.take((self.events.split == SPLITS.index(split)) & self.events.label)

    def feature(self, spec: FeatureSpec) -> FeatureArray:
        """One feature's values and mask."""
        frame = self.items if spec.entity == "item" else self.users
        return feature_array(spec, frame, self.path / "media")


def own_rows(users: pl.Series, items: pl.Series) -> np.ndarray:
    """The place of each user's id among the ids of items, int64 (users,), -1 where it is not there."""
    places = pl.DataFrame({"id": items}).with_row_index("at")
    found = pl.DataFrame({"id": users}).join(places, on="id", how="left", maintain_order="left")[
        "at"
    ]
    return found.cast(pl.Int64).fill_null(-1).to_numpy()


def read_specs(folder: Path) -> tuple[FeatureSpec, ...]:
    """The fitted features of a `features/` folder."""
    return tuple(
        FeatureSpec(**obj) for obj in read_json(folder / "features.json", "the feature state")
    )


def feature_array(spec: FeatureSpec, frame: pl.DataFrame, media: Path) -> FeatureArray:
    """Read one feature from its table or from `media`."""
    if spec.kind == "vector" or spec.kind in MEDIA:
        stem = media_stem(spec.entity, spec.name)
        return FeatureArray(
            _load(media / f"{stem}.npy", mmap=True), _load(media / f"{stem}.mask.npy")
        )
    column = frame[spec.name]
    mask = column.is_not_null().to_numpy()
    if spec.kind == "numeric":
        return FeatureArray(column.fill_null(0.0).to_numpy().astype(np.float32), mask)
    if spec.kind == "categorical":
        return FeatureArray(column.fill_null(0).to_numpy().astype(np.int32), mask)
    lengths = column.list.len().fill_null(0).to_numpy().astype(np.int64)
    values = np.full((len(column), max(1, int(lengths.max(initial=0)))), -1, np.int32)
    flat = column.explode(empty_as_null=False, keep_nulls=False).to_numpy()
    values[np.arange(values.shape[1]) < lengths[:, None]] = flat
    return FeatureArray(values, mask & (lengths > 0))


def media_stem(entity: Entity, name: str) -> str:
    """A file name for a feature; anything but letters, digits, dots and dashes becomes `_`."""
    return f"{entity}." + "".join(c if c.isalnum() or c in ".-_" else "_" for c in name)


def _load(path: Path, *, mmap: bool = False) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r" if mmap else None)
    except FileNotFoundError:
        raise M6RecError(
            "a file of the data directory is missing",
            where=str(path),
            hint="run `m6rec preprocess` again",
        ) from None
    except (ValueError, EOFError) as error:
        raise M6RecError(
            f"a file of the data directory is damaged: {error}",
            where=str(path),
            hint="run `m6rec preprocess` again",
        ) from None


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path, memory_map=False)
    except FileNotFoundError:
        raise M6RecError(
            "a file of the data directory is missing",
            where=str(path),
            hint="run `m6rec preprocess` again",
        ) from None
    except (pl.exceptions.ComputeError, OSError) as error:
        raise M6RecError(
            f"a file of the data directory is damaged: {error}",
            where=str(path),
            hint="run `m6rec preprocess` again",
        ) from None
