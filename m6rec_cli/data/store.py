"""A data directory to `Dataset`, the view of the data that all later stages use."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BufferedReader
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.data.event_log import EventLog
from m6rec_cli.data.events import EVENT_TYPES, Events
from m6rec_cli.data.feature_arrays import FeatureArray, column_array, read_specs, stored_array
from m6rec_cli.data.format import COLD, SPLITS
from m6rec_cli.data.manifest import DataManifest, read_manifest
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.locks import wait_for_replacement
from m6rec_cli.system.sealed_files import SealedDirectory

_ROWS_PER_READ = 2**20


@dataclass(frozen=True)
class Dataset:
    """A complete data directory; large tables are read on first use.

    Attributes:
        files: Reads the files, each checked against the manifest that was opened: what is read is
            never of two directories.
    """

    path: Path
    manifest: DataManifest
    specs: tuple[FeatureSpec, ...]
    files: SealedDirectory

    @classmethod
    def open(cls, path: Path) -> "Dataset":
        """Open a data directory.

        Raises:
            M6RecError: It does not exist, is incomplete, or was written in another format.
        """
        wait_for_replacement(path)
        manifest = read_manifest(path)
        files = manifest.directory(path)
        files.require_same_names("events")
        return cls(path, manifest, read_specs(files), files)

    @property
    def n_users(self) -> int:
        """Rows of the user table."""
        return self.manifest.counts.users

    @property
    def n_items(self) -> int:
        """Rows of the item table."""
        return self.manifest.counts.items

    @property
    def has_time(self) -> bool:
        """Whether timestamps are times and not just an order."""
        return self.manifest.has_time

    @cached_property
    def own_item_row(self) -> np.ndarray:
        """The item row of each user where users are items too, int64 (n_users,); -1 elsewhere."""
        if not self.manifest.users_are_items:
            return np.broadcast_to(np.int64(-1), self.n_users)
        return own_item_rows(self.users["id"], self.items["id"])

    @cached_property
    def domain(self) -> np.ndarray:
        """The domain of each user row, int (n_users,): 0 for a single data directory."""
        return np.broadcast_to(np.int64(0), self.n_users)

    @cached_property
    def item_domain(self) -> np.ndarray:
        """The domain of each item row, int (n_items,): 0 for a single data directory."""
        return np.broadcast_to(np.int64(0), self.n_items)

    @cached_property
    def users(self) -> pl.DataFrame:
        """`users.parquet`."""
        return self._read_table("users.parquet")

    @cached_property
    def items(self) -> pl.DataFrame:
        """`items.parquet`."""
        return self._read_table("items.parquet")

    @cached_property
    def events(self) -> Events:
        """The events of all splits."""
        return Events.concatenate(list(self.event_parts()))

    @property
    def log(self) -> EventLog:
        """The events of all splits, read in ranges; in memory unless a subclass keeps them."""
        return self.events

    def event_parts(self) -> Iterator[Events]:
        """The events of all splits in parts of bounded size, one at least.

        A history may go on in the next part.
        """
        names = self.files.names("events")
        if not names:
            raise M6RecError(
                "the data directory has no events",
                where=str(self.path / "events"),
                hint="run `m6rec preprocess` again",
            )
        for name in names:
            for start in itertools.count(0, _ROWS_PER_READ):
                rows = self._read_rows(name, start)
                yield _as_events(rows)
                if len(rows) < _ROWS_PER_READ:
                    break

    def history(self, before: str) -> Events:
        """The events before a held-out split; `before="all"` gives every event.

        Cold events may lie anywhere in a history, so the history before `cold` ends at the user's
        first cold target.
        """
        limit = len(SPLITS) if before == "all" else SPLITS.index(before)
        chosen = self.events.split < limit
        if before == SPLITS[COLD]:
            targets = np.cumsum((self.events.split == COLD) & self.events.label)
            earlier = np.concatenate([[0], targets])[self.events.offsets(self.n_users)]
            chosen &= targets == earlier[self.events.user_row]
        return self.events.take(chosen)

    def truth(self, split: str) -> Events:
        """The targets of a held-out split: its labelled events."""
        return self.events.take((self.events.split == SPLITS.index(split)) & self.events.label)

    def feature(self, spec: FeatureSpec) -> FeatureArray:
        """Values and mask of one feature."""
        if spec.storage == "array":
            return stored_array(spec, self.files)
        return column_array(spec, self.items if spec.entity == "item" else self.users)

    def _read_rows(self, name: str, start: int) -> pl.DataFrame:
        def read(file: BufferedReader) -> pl.DataFrame:
            return pl.scan_parquet(file).slice(start, _ROWS_PER_READ).collect()

        return self.files.read(name, read)

    def _read_table(self, name: str) -> pl.DataFrame:
        return self.files.read(name, lambda file: pl.read_parquet(file, memory_map=False))


def _as_events(rows: pl.DataFrame) -> Events:
    return Events(
        **{name: rows[name].to_numpy().astype(dtype) for name, dtype in EVENT_TYPES.items()}
    )


def own_item_rows(users: pl.Series, items: pl.Series) -> np.ndarray:
    """The position of each user id among the item ids, int64 (users,); -1 where it is none."""
    positions = pl.DataFrame({"id": items}).with_row_index("at")
    found = pl.DataFrame({"id": users}).join(positions, on="id", how="left", maintain_order="left")
    return found["at"].cast(pl.Int64).fill_null(-1).to_numpy()
