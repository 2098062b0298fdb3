"""A file of ranked lists, from any system, to checked entries: user, item and rank.

The file has any format that `preprocess` reads, and the columns `user_id`, `item_id`, and `rank`
(from 1) or `score` (higher is better).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.evaluation.task import EvaluationTask
from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.columns.listed_ids import parse_ids
from m6rec_cli.preprocessing.tables import ROW
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter

_LAST_RANK = 2**31


@dataclass(frozen=True)
class ListEntries:
    """The lists of the evaluated users, sorted by user, then rank.

    Attributes:
        user: int64 (entries,), indices into `EvaluationTask.users`.
        item: int64 (entries,), item rows; -1 for items outside the catalogue.
        rank: int64 (entries,), from 0; distinct per user.
    """

    user: np.ndarray
    item: np.ndarray
    rank: np.ndarray


def read_list_entries(task: EvaluationTask, file: Path, report: Reporter) -> ListEntries:
    """Read and check a file of ranked lists; unknown ids are reported as warnings.

    Raises:
        M6RecError: The file cannot be read, lacks a column or a value, has no known id, or a list
            contains an item or a rank twice.
    """
    frame = _read(file, report)
    ids = {"user_id": task.data.users["id"], "item_id": task.data.items["id"]}
    frame = frame.with_columns(parse_ids(frame[name], known) for name, known in ids.items())
    by = "rank" if "rank" in frame.columns else "score"
    _refuse_missing_values(frame, by, file)
    if by == "rank":
        _refuse_bad_ranks(frame, file)
    _refuse_duplicates(frame, "item_id", file)
    if by == "rank":
        _refuse_duplicates(frame, "rank", file)
    users = task.data.users.select(
        pl.col("id").alias("user_id"), pl.col("row").cast(pl.Int64).alias("_user")
    )
    items = task.data.items.select(
        pl.col("id").alias("item_id"), pl.col("row").cast(pl.Int64).alias("_item")
    )
    frame = frame.join(users, on="user_id", how="left").join(items, on="item_id", how="left")
    _warn_unknown(frame, "user_id", "_user", file, "are left out", report)
    _warn_unknown(frame, "item_id", "_item", file, "count as misses", report)
    row = frame["_user"].fill_null(-1).to_numpy()
    index = np.full(task.data.n_users, -1, np.int64)
    index[task.users] = np.arange(task.n_users)
    user = np.where(row >= 0, index[row], -1)
    kept = np.flatnonzero(user >= 0)
    item = frame["_item"].fill_null(-1).to_numpy()
    return _sorted_entries(user[kept], item[kept], frame[by].to_numpy()[kept], by)


def _sorted_entries(user: np.ndarray, item: np.ndarray, value: np.ndarray, by: str) -> ListEntries:
    """Sort entries by user, then by their rank or descending score."""
    order = np.lexsort((item, value if by == "rank" else -value, user))
    user, item = user[order], item[order]
    if by == "rank":
        rank = value[order].astype(np.int64) - 1
    else:
        rank = np.arange(len(user)) - np.searchsorted(user, user)
    return ListEntries(user, item, rank)


def _read(file: Path, report: Reporter) -> pl.DataFrame:
    """Read `user_id`, `item_id`, the row number, and `rank` or `score` as numbers."""
    table = tables.scan(file, "list")
    if table.n_unparseable:
        raise M6RecError(
            f"{table.n_unparseable:,} rows of the list file cannot be read",
            where=f"{file}, first: row {table.first_unparseable}",
            hint="has each line as many fields as the header?",
        )
    if table.warning:
        report.warn(table.warning)
    for column in ("user_id", "item_id"):
        if column not in table.schema:
            raise M6RecError(
                f"the list file has no column `{column}`",
                where=str(file),
                hint=_columns_hint(table, column),
            )
    if not {"rank", "score"} & set(table.schema):
        raise M6RecError(
            "the list file has neither a column `rank` nor a column `score`",
            where=str(file),
            hint=_columns_hint(table, "rank"),
        )
    by = "rank" if "rank" in table.schema else "score"
    for column in ("user_id", "item_id", by):
        _refuse_nested(table.schema[column], column, file)
    value = pl.col(by).cast(pl.Float64, strict=False)
    number = pl.when(value.is_finite()).then(value).alias(by)
    return table.frame.select(ROW, "user_id", "item_id", number).collect()


def _refuse_nested(kind: pl.DataType, column: str, file: Path) -> None:
    if kind.is_nested():
        raise M6RecError(
            f"the column `{column}` of the list file holds lists or objects",
            where=f"{file}, column `{column}`: {kind}",
            hint="write a row for each item of a list: user, item, rank",
        )


def _columns_hint(table: tables.Table, wanted: str) -> str:
    return f"its columns: {', '.join(f'`{c}`' for c in table.schema)}; rename one to `{wanted}`"


def _refuse_missing_values(frame: pl.DataFrame, by: str, file: Path) -> None:
    for column in ("user_id", "item_id", by):
        bad = frame.filter(pl.col(column).is_null())
        if len(bad):
            what = "is empty or not a number" if column == by else "is empty"
            raise M6RecError(
                f"{len(bad):,} rows of the list file have a `{column}` that {what}",
                where=f"{file}, column `{column}`, first: row {bad[ROW][0]}",
                hint="fill these cells, or remove the rows",
            )


def _refuse_bad_ranks(frame: pl.DataFrame, file: Path) -> None:
    bad = frame.filter(~pl.col("rank").is_between(1, _LAST_RANK) | (pl.col("rank") % 1 != 0))
    if len(bad):
        raise M6RecError(
            f"`rank` must be 1, 2, 3 and so on; {len(bad):,} rows have another value",
            where=f"{file}, column `rank`, first: `{bad['rank'][0]:g}` (row {bad[ROW][0]})",
            hint="if higher values are better, name the column `score`",
        )


def _refuse_duplicates(frame: pl.DataFrame, column: str, file: Path) -> None:
    """Refuse lists that contain a value of `column` twice."""
    duplicates = frame.filter(pl.struct("user_id", column).is_duplicated())
    if not len(duplicates):
        return
    first = duplicates.row(0, named=True)
    same = (pl.col("user_id") == first["user_id"]) & (pl.col(column) == first[column])
    rows = duplicates.filter(same)[ROW]
    value = first[column] if column == "item_id" else f"{first[column]:g}"
    what = "item" if column == "item_id" else "rank"
    raise M6RecError(
        f"a list contains the same {what} twice; {len(duplicates):,} rows are duplicates",
        where=f"{file}, user `{first['user_id']}`, `{column}` `{value}` "
        f"(rows {rows[0]} and {rows[1]})",
        hint="each user has one list of distinct items",
    )


def _warn_unknown(
    frame: pl.DataFrame, column: str, row: str, file: Path, effect: str, report: Reporter
) -> None:
    """Warn of ids that are not in the data; raise if none is."""
    unknown = frame.filter(pl.col(row).is_null())
    if len(unknown):
        report.warn(
            f"{file}: {unknown[column].n_unique():,} values of `{column}` are not in the data, "
            f"first `{unknown[column][0]}` (row {unknown[ROW][0]}); their {len(unknown):,} rows "
            f"{effect}"
        )
    if len(frame) and len(unknown) == len(frame):
        raise M6RecError(
            f"no `{column}` of the list file is in the data",
            where=f"{file}, column `{column}`, first: `{unknown[column][0]}`",
            hint="use the ids of the files given to `m6rec preprocess`, not row numbers",
        )
