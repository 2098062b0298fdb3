"""What an incremental update reads: stored states, newer events, and the items of both."""

from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.inference import raw_inputs, user_states
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.user_states import UserStates
from m6rec_cli.preprocessing import schema_file, tables
from m6rec_cli.preprocessing.columns import timestamps
from m6rec_cli.preprocessing.tables import NoRecords
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter


def read_old_states(
    run: LoadedRun, log: Path | None, profiles: Path | None, folder: Path
) -> UserStates:
    """The stored states, empty for a new state directory.

    Raises:
        M6RecError: Events have no comparable time; the states are damaged or another run's; or the
            log or the profiles that they need are not given.
    """
    _require_comparable_times(run, log)
    old = UserStates.empty(run.config.model.width, run.model.decoder.state_size)
    if user_states.has_states(folder):
        old = user_states.read_states(folder, run.digest)
    elif log is None:
        raise M6RecError(
            "there is no state yet, and there are no events to make it from",
            where=str(folder),
            hint="pass `--interactions`",
        )
    if profiles is None and (old.users["profile"] != 0).any():
        raise M6RecError(
            "the state was made with profiles, and none are given",
            where=str(folder),
            hint="pass `--users`, or another `--state` and the whole log",
        )
    return old


def read_newer_events(
    run: LoadedRun, log: Path | None, report: Reporter, *, may_be_empty: bool
) -> pl.DataFrame:
    """The log, see `raw_inputs.read_log`. With stored states, a log without events is no error."""
    try:
        return raw_inputs.read_log(run, log, report)
    except NoRecords as nothing:
        if not may_be_empty:
            raise
        report.warn(f"{nothing.what}, so there is nothing newer than the state: {log}")
        return raw_inputs.read_log(run, None, report)


def item_table(run: LoadedRun, ids: pl.Series) -> pl.DataFrame:
    """The `items` of `UserStates` for some ids, with `item_row` i64, -1 outside the catalogue."""
    catalogue = run.catalogue
    rows = catalogue.items.select("id", item_row=pl.col("row").cast(pl.Int64))
    frame = pl.DataFrame({"id": ids}).join(rows, on="id", how="left", maintain_order="left")
    frame = frame.with_columns(
        pl.col("item_row").fill_null(-1), known=pl.col("item_row").is_not_null()
    )
    row = frame["item_row"].to_numpy()
    is_new = row >= run.manifest.model.items
    vectors = iter(np.asarray(catalogue.embeddings)[row[is_new]].tolist())
    embedding = pl.Series([next(vectors) if x else None for x in is_new], dtype=pl.List(pl.Float32))
    return frame.with_columns(embedding.alias("embedding"))


def _require_comparable_times(run: LoadedRun, log: Path | None) -> None:
    """Raise if newer events cannot be told from older ones."""
    schema = run.schema
    if schema.timestamp is None:
        raise M6RecError(
            "the events have no time, so newer ones cannot be told from older ones",
            where=str(run.path / "features" / schema_file.FILE),
            hint="leave out `--state`, or train on a log with a time column",
        )
    if log is None or schema.timestamp_format != "order":
        return
    # A fractional order is replaced by the ranks within its file; another file has other ranks.
    table = tables.scan(log, "interactions", no_header=schema.has_numbered_columns)
    if schema.timestamp in table.schema and timestamps.has_fractions(
        table.head()[schema.timestamp]
    ):
        raise M6RecError(
            "the order of the events has fractions, so newer ones cannot be told from older ones",
            where=f"{log}, column `{schema.timestamp}`",
            hint="leave out `--state`, or number the events",
        )
