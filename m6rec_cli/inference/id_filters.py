"""Files of ids, one per line, to the users that get lists and the items that may be listed."""

import sys
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.preprocessing.columns.listed_ids import parse_ids
from m6rec_cli.system.errors import M6RecError, missing_path_hint
from m6rec_cli.system.progress import Reporter


def select_users(
    histories: UserHistories, source: str | None, report: Reporter
) -> tuple[np.ndarray, UserHistories]:
    """The rows of the users of an id file, in its order, each once.

    Users of the file without events and without a profile are appended to the histories.

    Args:
        source: A path, `-` for standard input, or None for all users.
    """
    if source is None:
        return np.arange(len(histories.ids)), histories
    path = None if source == "-" else Path(source)
    ids = _read_ids(path, histories.ids, histories.run.schema.user, "user_id")
    if len(ids) == 0:
        report.warn("`--user-ids` names no users, so there are no lists")
    unknown = ids.filter(~ids.is_in(histories.ids.implode()))
    if len(unknown):
        they = "1 user" if len(unknown) == 1 else f"{len(unknown):,} users"
        report.warn(
            f"without events and profile: {they} of `--user-ids`, first: `{unknown[0]}`; their "
            "lists are by popularity"
        )
        histories = histories.with_unknown_users(unknown)
    known = pl.DataFrame({"id": histories.ids}).with_row_index("at")
    rows = pl.DataFrame({"id": ids}).join(known, on="id", how="left", maintain_order="left")
    return rows["at"].to_numpy().astype(np.int64), histories


def allowed_items(
    run: LoadedRun, allow: Path | None, deny: Path | None, report: Reporter
) -> np.ndarray:
    """The items that the allow and deny files leave, bool (i,).

    Raises:
        M6RecError: A file is missing or not text, or no item is left.
    """
    known = run.catalogue.ids
    allowed = np.ones(len(known), bool)
    for path, keep in ((allow, True), (deny, False)):
        if path is None:
            continue
        ids = _read_ids(path, known, run.schema.item, "item_id")
        unknown = ids.filter(~ids.is_in(known.implode()))
        if len(unknown):
            report.warn(
                f"{len(unknown):,} ids of {path} are not in the catalogue, first: `{unknown[0]}`"
            )
        found = known.is_in(ids.implode()).to_numpy()
        allowed &= found if keep else ~found
    if not allowed.any():
        raise M6RecError(
            "the allow and deny lists leave no item",
            where=", ".join(str(p) for p in (allow, deny) if p is not None),
            hint="are they ids of this catalogue, one per line?",
        )
    return allowed


def _read_ids(path: Path | None, known: pl.Series, *headers: str) -> pl.Series:
    """Distinct ids of a file, or of standard input for `None`; skips blank lines and a header."""
    try:
        text = sys.stdin.read() if path is None else path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        hint = (path and missing_path_hint(path)) or "one id per line"
        raise M6RecError("the file of ids does not exist", where=str(path), hint=hint) from None
    except UnicodeDecodeError as error:
        where = "standard input" if path is None else str(path)
        raise M6RecError(
            f"the ids are not UTF-8 text: {error}", where=where, hint="one id per line"
        ) from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ids = pl.Series("id", lines, dtype=pl.String)
    if len(ids) and ids[0] in headers and not known.is_in([ids[0]]).any():
        ids = ids.slice(1)
    return parse_ids(ids, known).drop_nulls().unique(maintain_order=True)
