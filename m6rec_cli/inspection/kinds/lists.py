"""Files of ranked lists: Parquet, CSV or JSON lines, of `m6rec recommend` or another system."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from m6rec_cli.inspection import lineage
from m6rec_cli.inspection.description import Description, Figure, Input, Table
from m6rec_cli.inspection.json_files import Tree, text
from m6rec_cli.inspection.verification import RecordedDigests
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.file_faults import unreadable_as

if TYPE_CHECKING:
    import polars as pl

METADATA = "m6rec"
"""The key of a Parquet file's metadata under which its run and data are recorded as JSON."""
_SUFFIXES = (".parquet", ".csv", ".jsonl")
_COLUMNS = {"user_id", "item_id", "rank"}
_SHOWN_COLUMNS = ("user_id", "rank", "title", "item_id", "score", "basis")
_SHOWN_USERS, _SHOWN_RANKS = 6, 5


def recognises(path: Path) -> bool:
    """Whether the file has the columns of ranked lists."""
    return path.is_file() and path.suffix in _SUFFIXES and set(_header(path)) >= _COLUMNS


def describe(path: Path, *, verify: bool) -> Description:
    """Describe lists by their rows, and Parquet files also by their metadata."""
    facts = _metadata(path) if path.suffix == ".parquet" else {}
    frame = _read(path)
    return Description(
        kind="lists",
        path=str(path),
        what="ranked lists",
        version=text(facts, "version"),
        figures=_figures(frame),
        columns=("rows", "users", "items", "longest list"),
        inputs=_inputs(facts, path, verify=verify),
        tables=(_first_lists(frame),),
        details={"columns": list(frame.columns)},
    )


def recorded_digests(path: Path) -> RecordedDigests:
    """None: lists have no digests."""
    return RecordedDigests()


def _header(path: Path) -> Sequence[str]:
    """The columns; none if the file is no table."""
    if path.suffix == ".parquet":
        import polars as pl

        try:
            with unreadable_as(lambda reason: _damaged(path, reason)):
                return list(pl.read_parquet_schema(path))
        except M6RecError:
            return []
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        line = file.readline(1_000_000)
    if path.suffix == ".csv":
        return next(csv.reader([line]), [])
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return list(first) if isinstance(first, dict) else []


def _read(path: Path) -> "pl.DataFrame":
    """The columns that are shown, ids as text."""
    import polars as pl

    readers = {".parquet": pl.scan_parquet, ".csv": pl.scan_csv, ".jsonl": pl.scan_ndjson}
    options = {} if path.suffix == ".parquet" else {"infer_schema_length": None}
    with unreadable_as(lambda reason: _damaged(path, reason)):
        lazy = readers[path.suffix](path, **options)
        known = [n for n in _SHOWN_COLUMNS if n in lazy.collect_schema()]
        ids = [pl.col("user_id", "item_id").cast(pl.String), pl.col("rank").cast(pl.Int64)]
        return lazy.select(known).with_columns(ids).collect()


def _damaged(path: Path, reason: str) -> M6RecError:
    return M6RecError(
        f"the lists cannot be read: {reason}", where=str(path), hint="restore the file from a copy"
    )


def _metadata(path: Path) -> Tree:
    import polars as pl

    with unreadable_as(lambda reason: _damaged(path, reason)):
        found: Mapping[str, str] = pl.read_parquet_metadata(path)
    try:
        facts = json.loads(found.get(METADATA, "{}"))
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _figures(frame: "pl.DataFrame") -> dict[str, Figure]:
    found: dict[str, Figure] = {
        "rows": len(frame),
        "users": frame["user_id"].n_unique(),
        "items": frame["item_id"].n_unique(),
        "longest list": int(frame["rank"].max() or 0),  # type: ignore[arg-type]
    }
    if "basis" in frame.columns:
        users = frame.unique("user_id")["basis"].value_counts(sort=True)
        found |= {f"users by {basis}": n for basis, n in users.iter_rows()}
    return found


def _first_lists(frame: "pl.DataFrame") -> Table:
    """The first ranks of the first users."""
    import polars as pl

    users = frame["user_id"].unique(maintain_order=True)[:_SHOWN_USERS]
    shown = frame.filter(pl.col("user_id").is_in(users.implode()), pl.col("rank") <= _SHOWN_RANKS)
    return Table(
        title=f"first {_SHOWN_RANKS} ranks of the first {len(users)} users",
        columns=tuple(shown.columns),
        rows=shown.rows(),
    )


def _inputs(facts: Tree, path: Path, *, verify: bool) -> tuple[Input, ...]:
    found = []
    if (run := text(facts, "run")) is not None:
        found.append(lineage.run_input(run, text(facts, "run_digest"), path, verify=verify))
    if (data := text(facts, "data")) is not None:
        found.append(lineage.data_input(data, text(facts, "data_fingerprint"), path, verify=verify))
    return tuple(found)
