"""Finished events, some at a time, to the Parquet files of a data directory."""

from pathlib import Path

import polars as pl

ROWS_PER_FILE = 10_000_000


class EventFiles:
    """Files with the same number of events each, except the last; one is held in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: list[pl.DataFrame] = []
        self._n_rows, self._n_files = 0, 0

    def append(self, events: pl.DataFrame) -> None:
        """Add events, and write each file that is full."""
        while len(events):
            room = ROWS_PER_FILE - self._n_rows
            self._parts.append(events[:room])
            self._n_rows += len(self._parts[-1])
            events = events[room:]
            if self._n_rows == ROWS_PER_FILE:
                self.close()

    def close(self) -> None:
        """Write the last file."""
        if not self._n_rows:
            return
        # Column by column, so that no column is in memory twice but the one that is joined.
        parts, self._parts, self._n_rows = self._parts, [], 0
        columns = []
        for name in parts[0].columns:
            columns.append(pl.concat([part[name] for part in parts], rechunk=True))
            parts = [part.drop(name) for part in parts]
        path = self._folder / f"part-{self._n_files:05d}.parquet"
        pl.DataFrame(columns).write_parquet(path)
        self._n_files += 1
