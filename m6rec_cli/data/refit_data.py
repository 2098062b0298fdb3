"""A data directory to the same one with its validation events in the training split."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from m6rec_cli.data.events import Events
from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.data.format import TRAIN, VALID
from m6rec_cli.data.store import Dataset
from m6rec_cli.system.feature_spec import FeatureSpec


@dataclass(frozen=True)
class RefitDataset(Dataset):
    """The rows of `source`; its features stay fitted on its training events.

    The manifest is that of `source`: its counts are those of the original split.
    """

    source: Dataset

    @cached_property
    def domain(self) -> np.ndarray:
        """See `Dataset.domain`."""
        return self.source.domain

    @cached_property
    def own_item_row(self) -> np.ndarray:
        """See `Dataset.own_item_row`."""
        return self.source.own_item_row

    @cached_property
    def users(self) -> pl.DataFrame:
        """See `Dataset.users`."""
        return self.source.users

    @cached_property
    def items(self) -> pl.DataFrame:
        """The items; validation events count in their popularity."""
        rows = self.events.item_row[self.events.split == TRAIN]
        popularity = np.bincount(rows, minlength=self.n_items)
        return self.source.items.with_columns(pl.Series("popularity", popularity, pl.UInt32))

    @cached_property
    def events(self) -> Events:
        """All events; those of the validation split are training events."""
        events = self.source.events
        split = np.where(events.split == VALID, TRAIN, events.split).astype(np.uint8)
        return dataclasses.replace(events, split=split)

    def feature(self, spec: FeatureSpec) -> FeatureArray:
        """See `Dataset.feature`."""
        return self.source.feature(spec)


def with_validation_events(data: Dataset) -> Dataset:
    """The data with validation events as training events; nothing is left for validation."""
    return RefitDataset(data.path, data.manifest, data.specs, data.files, data)
