"""A raw event log and a raw user table to user histories, read as the training data were."""

from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.data.events import Events
from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.inference import raw_features
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.preprocessing import entity_tables, event_log, local_copies
from m6rec_cli.preprocessing.cleaning.event_rules import SELF_EVENTS
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog, dropped_message
from m6rec_cli.system.progress import Reporter


def read_histories(
    run: LoadedRun,
    log: Path | None,
    profiles: Path | None,
    report: Reporter,
    media: Path | None = None,
) -> UserHistories:
    """The users of a raw event log, then those of a raw user table.

    Args:
        media: The folder of the pictures and sounds of `profiles`; the folder of the table by
            default.

    Raises:
        M6RecError: A file, or a column that the run's schema names, is missing.
    """
    frame = read_log(run, log, report)
    table = read_profiles(run, profiles, report)
    ids = [frame["user_id"], *([table["id"]] if table is not None else [])]
    ids = pl.concat(ids).unique(maintain_order=True)
    users = pl.DataFrame({"user_id": ids}).with_row_index("user_row")
    # User rows follow the first appearance in a log sorted by user: the events stay sorted.
    known = frame.drop_nulls("item_row").join(
        users, on="user_id", how="left", maintain_order="left"
    )
    return UserHistories(
        run=run,
        events=as_events(known),
        has_time=run.has_time and run.schema.has_time,
        ids=ids,
        profiles=profile_arrays(run, ids, table, media or media_folder(profiles), report),
    )


def read_log(run: LoadedRun, log: Path | None, report: Reporter) -> pl.DataFrame:
    """A raw event log, sorted by user, time and file order; empty without a file.

    An event of an unknown kind counts as the first kind, with a warning. Events on unknown items
    stay in the frame, with a warning and a null `item_row`.

    Returns:
        `user_id` and `item_id` str, `item_row` u32, `timestamp` i64, `event` u8, `weight` f32.
    """
    cleaning = CleaningLog()
    frame = _no_events()
    if log is not None:
        table = raw_features.open_table(run, log, "interactions", report)
        frame = event_log.read_events(table, run.schema, cleaning=cleaning)
    if run.schema.users_are_items:
        frame = cleaning.keep_rows(
            frame, SELF_EVENTS, pl.col("user_id") != pl.col("item_id"), "user_id"
        )
    for rule in cleaning.rules:
        if rule.dropped and "duplicates" not in rule.rule:
            report.warn(dropped_message(rule))
    items = run.catalogue.items.select(item_id="id", item_row=pl.col("row").cast(pl.UInt32))
    joined = frame.join(items, on="item_id", how="left", maintain_order="left")
    unknown = joined.filter(pl.col("item_row").is_null())
    if len(unknown):
        report.warn(
            f"{len(unknown):,} of {len(joined):,} events are on items that the run does not know "
            f"and are left out, first: `{unknown['item_id'][0]}`"
        )
    codes = _event_codes(run, joined["event"], report)
    return joined.with_columns(pl.Series("event", codes, dtype=pl.UInt8))


def read_profiles(run: LoadedRun, profiles: Path | None, report: Reporter) -> pl.DataFrame | None:
    """A raw user table, see `entity_tables.read_entity_table`; None without a file."""
    if profiles is None:
        return None
    table = raw_features.open_table(run, profiles, "users", report)
    frame = entity_tables.read_entity_table(table, run.schema, "user")
    if not run.spec.user_specs:
        report.warn("the model reads no user features, so profiles change nothing")
    return frame


def profile_arrays(
    run: LoadedRun, ids: pl.Series, table: pl.DataFrame | None, media: Path, report: Reporter
) -> dict[str, FeatureArray]:
    """The features of the users `ids`, masked without a row in the table; empty if none is read.

    Args:
        media: The folder that paths of pictures and sounds are relative to.
    """
    if not run.spec.user_specs:
        return {}
    blank = pl.DataFrame({"id": ids})
    rows = blank if table is None else blank.join(table, on="id", how="left", maintain_order="left")
    arrays, _ = raw_features.encode_rows(run, rows, run.spec.user_specs, "user", media, report)
    return arrays


def media_folder(profiles: Path | None) -> Path:
    """The default folder of the media of a user table."""
    return local_copies.folder_of(profiles) if profiles else Path()


def as_events(frame: pl.DataFrame) -> Events:
    """Sorted rows `user_row`, `item_row`, `timestamp`, `event` and `weight` as arrays."""
    return Events(
        user_row=frame["user_row"].to_numpy().astype(np.int32),
        item_row=frame["item_row"].to_numpy().astype(np.int32),
        timestamp=frame["timestamp"].to_numpy(),
        event=frame["event"].to_numpy(),
        weight=frame["weight"].to_numpy(),
        label=np.ones(len(frame), bool),
        split=np.zeros(len(frame), np.uint8),
    )


def _event_codes(run: LoadedRun, names: pl.Series, report: Reporter) -> np.ndarray:
    codes = {name: code for code, name in enumerate(run.event_kinds)}
    unknown = [name for name in names.drop_nulls().unique().sort().to_list() if name not in codes]
    if unknown:
        report.warn(
            "event kinds that the run does not know are read as "
            f"`{run.event_kinds[0]}`: {', '.join(unknown)}"
        )
    return names.replace_strict(codes, default=0, return_dtype=pl.UInt8).to_numpy()


def _no_events() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "user_id": pl.String,
            "item_id": pl.String,
            "timestamp": pl.Int64,
            "event": pl.String,
            "weight": pl.Float32,
        }
    )
