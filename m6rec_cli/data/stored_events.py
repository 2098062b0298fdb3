"""The events of a data directory to a temporary folder with a file for each column.

Training reads a long log many times, in ranges that Parquet files would have to be decoded for.
The files are read by `numpy.fromfile`, not through a memory map: what was read of a map counts as
memory of the process until the system takes it back.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from m6rec_cli.data.dataset_view import DatasetView
from m6rec_cli.data.event_log import EventLog
from m6rec_cli.data.events import EVENT_TYPES, Events
from m6rec_cli.data.store import Dataset
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.temporary import require_room, temporary_folder

BYTES_PER_EVENT = sum(dtype.itemsize for dtype in EVENT_TYPES.values())


@dataclass(frozen=True)
class StoredEvents:
    """Events in a folder with a file for each column, the values one after the other."""

    folder: Path
    n_events: int

    @classmethod
    def write(cls, folder: Path, parts: Iterable[Events]) -> "StoredEvents":
        """Write the events of all parts, one part after the other."""
        n_events = 0
        with ExitStack() as stack:
            files = {n: stack.enter_context((folder / n).open("wb")) for n in EVENT_TYPES}
            for part in parts:
                n_events += len(part)
                for name, array in part.columns().items():
                    array.tofile(files[name])
        return cls(folder, n_events)

    def __len__(self) -> int:
        return self.n_events

    def read(self, start: int, stop: int, *names: str) -> tuple[np.ndarray, ...]:
        """See `EventLog.read`."""
        return tuple(self._read_column(name, start, stop) for name in names)

    def _read_column(self, name: str, start: int, stop: int) -> np.ndarray:
        dtype = EVENT_TYPES[name]
        path, offset = self.folder / name, start * dtype.itemsize
        return np.fromfile(path, dtype, count=stop - start, offset=offset)


@dataclass(frozen=True)
class StoredDataset(DatasetView):
    """The data of `source` with its event log in files of columns."""

    stored: StoredEvents

    @property
    def log(self) -> EventLog:
        """See `Dataset.log`."""
        return self.stored


@contextmanager
def long_log_on_disk(data: Dataset, most: int, report: Reporter) -> Iterator[Dataset]:
    """Yield the data, with the event log on disk if it has more than `most` events.

    The files are removed at the end; those of a killed process, by the next one.

    Raises:
        M6RecError: The temporary folder has no room.
    """
    n_events = sum(data.manifest.counts.events.values())
    if n_events <= most:
        yield data
        return
    with temporary_folder() as folder:
        wanted = n_events * BYTES_PER_EVENT
        require_room(folder, n_events, wanted)
        report.note(
            f"{n_events:,} events are read in blocks of {most:,} (`train.events_per_block`) from "
            f"`{folder}`, {wanted / 2**30:.1f} GiB, which is removed at the end"
        )
        stored = StoredEvents.write(folder, data.event_parts())
        yield StoredDataset(data.path, data.manifest, data.specs, data.files, data, stored)
