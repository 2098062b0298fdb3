"""Ids, one a line, to the users that are asked for and the items that may be listed."""

import sys
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.preprocessing.columns.listed_ids import named_ids
from m6rec_cli.system.errors import M6RecError, missing_path_hint
from m6rec_cli.system.progress import Reporter


def users(
    audience: UserHistories, source: str | None, report: Reporter
) -> tuple[np.ndarray, UserHistories]:
    """Rows of the users asked for, in their order, each once, in an audience that has them all."""
    if source is None:
        return np.arange(len(audience.ids)), audience
    named = _ids(
        None if source == "-" else Path(source), audience.ids, audience.run.schema.user, "user_id"
    )
    if len(named) == 0:
        report.warn("no users are asked for, so there are no lists")
    strangers = named.filter(~named.is_in(audience.ids.implode()))
    if len(strangers):
        report.warn(
            f"{len(strangers):,} of the users asked for have neither events nor a profile, first: "
            f"`{strangers[0]}`; their lists rest on what is popular"
        )
        audience = audience.with_strangers(strangers)
    known = pl.DataFrame({"id": audience.ids}).with_row_index("at")
    rows = pl.DataFrame({"id": named}).join(known, on="id", how="left", maintain_order="left")
    return rows["at"].to_numpy().astype(np.int64), audience


def allowed(run: LoadedRun, allow: Path | None, deny: Path | None, report: Reporter) -> np.ndarray:
    """The items that the allow and deny lists leave, bool (i,)."""
    ids = run.items["id"]
    left = np.ones(len(ids), bool)
    for path, keep in ((allow, True), (deny, False)):
        if path is None:
            continue
        named = _ids(path, ids, run.schema.item, "item_id")
        unknown = named.filter(~named.is_in(ids.implode()))
        if len(unknown):
            report.warn(
                f"{len(unknown):,} ids of {path} are not in the catalogue, first: `{unknown[0]}`"
            )
        found = ids.is_in(named.implode()).to_numpy()
        left &= found if keep else ~found
    if not left.any():
        where = [str(p) for p in (allow, deny) if p is not None]
        raise M6RecError(
            "the allow and deny lists leave no item",
            where=", ".join(where),
            hint="are they ids of this catalogue, one a line?",
        )
    return left


def _ids(path: Path | None, known: pl.Series, *headers: str) -> pl.Series:
    """Ids, one a line, each once; blank lines and a header are passed over. `None` reads standard input."""
    try:
        text = sys.stdin.read() if path is None else path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        hint = (path and missing_path_hint(path)) or "one id a line"
        raise M6RecError("the file of ids does not exist", where=str(path), hint=hint) from None
    except UnicodeDecodeError as error:
        where = "standard input" if path is None else str(path)
        raise M6RecError(
            f"the ids are not UTF-8 text: {error}", where=where, hint="one id a line"
        ) from None
    named = pl.Series(
        "id", [line.strip() for line in text.splitlines() if line.strip()], dtype=pl.String
    )
    if len(named) and named[0] in headers and not known.is_in([named[0]]).any():
        named = named.slice(1)
    return named_ids(named, known).drop_nulls().unique(maintain_order=True)
