"""RecBole atomic files, whose header types each column (`item_id:token`), to a lazy frame."""

import polars as pl

from m6rec_cli.preprocessing.readers import _delimited, csv
from m6rec_cli.preprocessing.readers._base import EXTRA, Salvaged, read_start
from m6rec_cli.preprocessing.readers._delimited import Layout
from m6rec_cli.system.errors import M6RecError, nearest_hint

SUFFIXES = (".inter", ".item", ".user")
CONTENT = "a header line and records below"
IS_TEXT = True
READS_FOLDERS = False
_TYPES = ("token", "token_seq", "float", "float_seq")


def scan(path: str, *, no_header: bool = False) -> pl.LazyFrame:
    """Scan; `token` becomes String, `float` Float64, the `_seq` types become lists split at spaces.

    A file without any type, such as `u.item` of MovieLens, is read as other text.

    Raises:
        M6RecError: A header cell has no type, or one that RecBole does not have.
    """
    if not _is_typed(path):
        return csv.scan(path, no_header=no_header)
    frame = _delimited.scan_strings(path, Layout(separator="\t", quote_char=None))
    columns: list[pl.Expr] = []
    for header in frame.collect_schema():
        if header == EXTRA:
            columns.append(pl.col(header))
            continue
        name, colon, kind = header.rpartition(":")
        if not colon or kind not in _TYPES:
            raise M6RecError(
                f"the header `{header}` is not of the form name:type",
                where=path,
                hint=nearest_hint(kind, _TYPES),
            )
        columns.append(_typed(pl.col(header), kind).alias(name))
    return frame.select(columns)


def salvage(path: str, *, no_header: bool = False) -> Salvaged | None:
    """See `Reader.salvage`."""
    return None if _is_typed(path) else csv.salvage(path, no_header=no_header)


def _is_typed(path: str) -> bool:
    first = read_start(path, 1 << 16).split(b"\n", 1)[0].decode("utf-8", "replace")
    return any(cell.strip().rpartition(":")[2] in _TYPES for cell in first.split("\t"))


def _typed(column: pl.Expr, kind: str) -> pl.Expr:
    if kind == "float":
        return column.cast(pl.Float64, strict=False)
    if kind == "token":
        return column
    members = (
        column.str.strip_chars().str.split(" ").list.eval(pl.element().filter(pl.element() != ""))
    )
    return members.cast(pl.List(pl.Float64), strict=False) if kind == "float_seq" else members
