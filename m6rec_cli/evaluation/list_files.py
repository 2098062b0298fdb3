"""A file of lists, from whatever system, to a checked table: user row, item row, place.

CSV, TSV (gz too), JSONL or Parquet with `user_id`, `item_id` and `rank` (from 1) or `score` (higher first).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.evaluation.metrics._base import MISS, RankedLists, Ranks
from m6rec_cli.evaluation.ranking import SystemResult, View
from m6rec_cli.evaluation.task import EvaluationTask, contains
from m6rec_cli.preprocessing.columns.listed_ids import named_ids
from m6rec_cli.system.errors import M6RecError, missing_path_hint
from m6rec_cli.system.progress import Reporter

_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".jsonl", ".ndjson", ".parquet")


@dataclass(frozen=True)
class Entries:
    """The lines that matter: those of judged users, sorted by user, then place.

    Attributes:
        user: int64, positions in `Task.users`.
        item: int64, item rows; -1 for items that the catalogue does not have.
        place: int64, from 0; within a user all different.
    """

    user: np.ndarray
    item: np.ndarray
    place: np.ndarray


def evaluate_list_file(
    task: EvaluationTask, file: Path, ks: list[int], report: Reporter, *, name: str
) -> SystemResult:
    """Judge the lists of a file; what is odd but judgeable is a warning.

    Users without a list count as misses. An item that the catalogue does not have takes its place as a miss.
    `masked` takes the items that the user has met before out of the lists; `unmasked` judges them as they are.

    Raises:
        M6RecError: The file cannot be read, or a user's list has an item or a rank twice.
    """
    entries = _entries(task, file, report)
    keys = entries.user * task.n_items + entries.item
    seen = (entries.item >= 0) & contains(task.seen_keys, keys)
    if seen.any():
        report.warn(
            f"{file}: {int(seen.sum()):,} of {len(seen):,} listed items were met by their users before; "
            "`masked` judges the lists without them"
        )
    # Seen entries before this one within the user's list: the running count less what earlier users had.
    running = np.cumsum(seen) - seen
    starts = np.searchsorted(entries.user, entries.user)
    before = running - running[starts] if len(running) else running
    keep = ~seen
    masked = _view(
        task, entries.user[keep], entries.item[keep], (entries.place - before)[keep], max(ks)
    )
    unmasked = _view(task, entries.user, entries.item, entries.place, max(ks))
    _warn_short(task, file, masked, ks, report)
    return SystemResult(name, "recs", masked, unmasked)


def _view(
    task: EvaluationTask, user: np.ndarray, item: np.ndarray, place: np.ndarray, k: int
) -> View:
    rank = np.full(len(task.held_out_item), MISS)
    keys = user * task.n_items + item
    hit = (item >= 0) & contains(task.held_out_keys, keys)
    rank[np.searchsorted(task.held_out_keys, keys[hit])] = place[hit]
    lists = np.full((task.n_users, k), -1, np.int32)
    top = place < k
    lists[user[top], place[top]] = item[top]
    return View(Ranks(rank, task.held_out_user, task.n_users), RankedLists(lists))


def _warn_short(
    task: EvaluationTask, file: Path, view: View, ks: list[int], report: Reporter
) -> None:
    filled = (view.lists.items >= 0).any(axis=1)
    if missing := task.n_users - int(filled.sum()):
        report.warn(
            f"{file}: {missing:,} of {task.n_users:,} judged users have no list; they count as misses"
        )
    k = max(ks)
    if short := int((filled & (view.lists.items[:, k - 1] < 0)).sum()):
        report.warn(
            f"{file}: {short:,} lists have fewer than {k} items the user has not met; what is not listed is a miss"
        )


def _entries(task: EvaluationTask, file: Path, report: Reporter) -> Entries:
    frame = _read(file)
    ids = {"user_id": task.data.users["id"], "item_id": task.data.items["id"]}
    frame = frame.with_columns(named_ids(frame[name], known) for name, known in ids.items())
    frame = frame.with_columns(_row=pl.int_range(1, pl.len() + 1))
    key = "rank" if "rank" in frame.columns else "score"
    for column in ("user_id", "item_id", key):
        bad = frame.filter(pl.col(column).is_null())
        if len(bad):
            what = "is empty or not a number" if column == key else "is empty"
            raise M6RecError(
                f"{len(bad):,} rows of the list file have a `{column}` that {what}",
                where=f"{file}, column `{column}`, first: row {bad['_row'][0]}",
                hint="fill these cells, or leave the rows out",
            )
    if key == "rank" and len(bad := frame.filter((pl.col("rank") < 1) | (pl.col("rank") % 1 != 0))):
        raise M6RecError(
            f"`rank` counts 1, 2, 3 and so on; {len(bad):,} rows have something else",
            where=f"{file}, column `rank`, first: `{bad['rank'][0]:g}` (row {bad['_row'][0]})",
            hint="if more is better, name the column `score`",
        )
    _refuse_twice(frame, "item_id", file, "an item stands twice in one list")
    if key == "rank":
        _refuse_twice(frame, "rank", file, "a rank stands twice in one list")
    users = task.data.users.select(
        pl.col("id").alias("user_id"), pl.col("row").cast(pl.Int64).alias("_user")
    )
    items = task.data.items.select(
        pl.col("id").alias("item_id"), pl.col("row").cast(pl.Int64).alias("_item")
    )
    frame = frame.join(users, on="user_id", how="left").join(items, on="item_id", how="left")
    _warn_unknown(frame, "user_id", "_user", file, "left out", report)
    _warn_unknown(frame, "item_id", "_item", file, "misses", report)
    position = np.full(task.data.n_users, -1, np.int64)
    position[task.users] = np.arange(task.n_users)
    row = frame["_user"].fill_null(-1).to_numpy()
    user = np.where(row >= 0, position[row], -1)
    item = frame["_item"].fill_null(-1).to_numpy()
    value = frame[key].to_numpy()
    keep = np.flatnonzero(user >= 0)
    user, item, value = user[keep], item[keep], value[keep]
    order = np.lexsort((item, value if key == "rank" else -value, user))
    user, item = user[order], item[order]
    if key == "rank":
        place = value[order].astype(np.int64) - 1
    else:
        place = np.arange(len(user)) - np.searchsorted(user, user)
    return Entries(user, item, place)


def _read(file: Path) -> pl.DataFrame:
    name = file.name.lower()
    if not name.endswith(_SUFFIXES):
        raise M6RecError(
            f"lists are read from {', '.join(f'`{s}`' for s in _SUFFIXES)}",
            where=str(file),
            hint="rename the file or write it in one of these formats",
        )
    try:
        if name.endswith(".parquet"):
            frame = pl.read_parquet(file)
        elif name.endswith((".jsonl", ".ndjson")):
            frame = pl.read_ndjson(file, infer_schema_length=None)
        else:
            # Ids stay text: `007` is not 7.
            separator = "\t" if ".tsv" in name else ","
            frame = pl.read_csv(file, separator=separator, infer_schema=False)
    except FileNotFoundError:
        raise M6RecError(
            "the list file does not exist", where=str(file), hint=missing_path_hint(file)
        ) from None
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0]
        raise M6RecError(
            f"the list file cannot be read: {first}",
            where=str(file),
            hint="write it anew, with a header line",
        ) from None
    for column in ("user_id", "item_id"):
        if column not in frame.columns:
            raise M6RecError(
                f"the list file has no column `{column}`",
                where=str(file),
                hint=_columns_hint(frame, column),
            )
    if not {"rank", "score"} & set(frame.columns):
        raise M6RecError(
            "the list file has neither a column `rank` nor a column `score`",
            where=str(file),
            hint=_columns_hint(frame, "rank"),
        )
    key = "rank" if "rank" in frame.columns else "score"
    value = pl.col(key).cast(pl.Float64, strict=False)
    return frame.select("user_id", "item_id", pl.when(value.is_finite()).then(value).alias(key))


def _columns_hint(frame: pl.DataFrame, wanted: str) -> str:
    return f"its columns: {', '.join(f'`{c}`' for c in frame.columns)}; rename one to `{wanted}`"


def _refuse_twice(frame: pl.DataFrame, column: str, file: Path, what: str) -> None:
    twice = frame.filter(pl.struct("user_id", column).is_duplicated())
    if not len(twice):
        return
    first = twice.row(0, named=True)
    rows = twice.filter(
        (pl.col("user_id") == first["user_id"]) & (pl.col(column) == first[column])
    )["_row"]
    value = first[column] if column == "item_id" else f"{first[column]:g}"
    raise M6RecError(
        f"{what}, {len(twice):,} rows in all",
        where=f"{file}, user `{first['user_id']}`, `{column}` `{value}` (rows {rows[0]} and {rows[1]})",
        hint="each user has one list of different items",
    )


def _warn_unknown(
    frame: pl.DataFrame, column: str, row: str, file: Path, then: str, report: Reporter
) -> None:
    unknown = frame.filter(pl.col(row).is_null())
    if len(unknown):
        report.warn(
            f"{file}: {unknown[column].n_unique():,} values of `{column}` are not in the data, first "
            f"`{unknown[column][0]}` (row {unknown['_row'][0]}); their {len(unknown):,} rows are {then}"
        )
    if len(frame) and len(unknown) == len(frame):
        raise M6RecError(
            f"no `{column}` of the list file is in the data",
            where=f"{file}, column `{column}`, first: `{unknown[column][0]}`",
            hint="ids are those of the files given to `m6rec preprocess`, not row numbers",
        )
