"""The event log of a data directory as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Events:
    """Events as arrays of one length, sorted by user, then time, then file order."""

    user_row: np.ndarray  # int32
    item_row: np.ndarray  # int32
    timestamp: np.ndarray  # int64
    event: np.ndarray  # uint8
    weight: np.ndarray  # float32
    label: np.ndarray  # bool
    split: np.ndarray  # uint8

    def __len__(self) -> int:
        return len(self.user_row)

    @classmethod
    def concatenate(cls, parts: Sequence["Events"]) -> "Events":
        """The events of one or more parts, one part after the other."""
        if len(parts) == 1:
            return parts[0]
        columns = [part.columns() for part in parts]
        return cls(**{name: np.concatenate([c[name] for c in columns]) for name in columns[0]})

    def columns(self) -> dict[str, np.ndarray]:
        """The arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def read(self, start: int, stop: int, *names: str) -> tuple[np.ndarray, ...]:
        """Columns of the events `start:stop`, see `EventLog.read`; views."""
        return tuple(getattr(self, name)[start:stop] for name in names)

    def take(self, index: np.ndarray) -> "Events":
        """The events at `index`, a mask or ascending positions."""
        return Events(**{name: array[index] for name, array in self.columns().items()})

    def offsets(self, n_users: int) -> np.ndarray:
        """`offsets[u]:offsets[u + 1]` are the events of user row `u`; int64 (n_users + 1,)."""
        return np.searchsorted(self.user_row, np.arange(n_users + 1))


EVENT_TYPES: dict[str, np.dtype] = {
    "user_row": np.dtype(np.int32),
    "item_row": np.dtype(np.int32),
    "timestamp": np.dtype(np.int64),
    "event": np.dtype(np.uint8),
    "weight": np.dtype(np.float32),
    "label": np.dtype(bool),
    "split": np.dtype(np.uint8),
}
"""The type of each column of `Events`."""
