"""A data directory to the same one with other events."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from m6rec_cli.data.events import Events
from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.data.store import Dataset
from m6rec_cli.system.feature_spec import FeatureSpec


@dataclass(frozen=True)
class DatasetView(Dataset):
    """The rows and features of `source`; a subclass changes its events.

    The manifest is that of `source`: its counts are those of the original events.
    """

    source: Dataset

    @cached_property
    def domain(self) -> np.ndarray:
        """See `Dataset.domain`."""
        return self.source.domain

    @cached_property
    def item_domain(self) -> np.ndarray:
        """See `Dataset.item_domain`."""
        return self.source.item_domain

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
        """See `Dataset.items`."""
        return self.source.items

    def event_parts(self) -> Iterator[Events]:
        """See `Dataset.event_parts`."""
        return self.source.event_parts()

    def feature(self, spec: FeatureSpec) -> FeatureArray:
        """See `Dataset.feature`."""
        return self.source.feature(spec)
