"""A data directory to the same one with its validation events in the training split."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from m6rec_cli.data.dataset_view import DatasetView
from m6rec_cli.data.events import Events
from m6rec_cli.data.format import TRAIN, VALID
from m6rec_cli.data.store import Dataset


@dataclass(frozen=True)
class RefitDataset(DatasetView):
    """The rows of `source`; its features stay fitted on its training events."""

    @cached_property
    def items(self) -> pl.DataFrame:
        """The items; validation events count in their popularity."""
        popularity = np.zeros(self.n_items, np.int64)
        for events in self.event_parts():
            rows = events.item_row[events.split == TRAIN]
            popularity += np.bincount(rows, minlength=self.n_items)
        return self.source.items.with_columns(pl.Series("popularity", popularity, pl.UInt32))

    def event_parts(self) -> Iterator[Events]:
        """See `Dataset.event_parts`; events of the validation split are training events."""
        for events in self.source.event_parts():
            split = np.where(events.split == VALID, TRAIN, events.split).astype(np.uint8)
            yield replace(events, split=split)


def with_validation_events(data: Dataset) -> Dataset:
    """The data with validation events as training events; nothing is left for validation."""
    return RefitDataset(data.path, data.manifest, data.specs, data.files, data)
