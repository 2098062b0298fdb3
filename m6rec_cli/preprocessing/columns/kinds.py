"""Columns without a role to features: each kind has rules that recognise its values."""

from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

import polars as pl

from m6rec_cli.data.format import RESERVED
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS, CellType, ColumnSample, Rule
from m6rec_cli.preprocessing.schema import FeatureColumn

_EMPTY = "no cell holds a value"
_NESTED = "nested columns are not read"


def infer_features(
    frame: pl.DataFrame, names: Iterable[str], media_root: Path
) -> tuple[list[FeatureColumn], dict[str, str]]:
    """Infer the features of several columns.

    Args:
        frame: The first rows of the table.
        names: The columns without a role.
        media_root: The folder that media paths are relative to.

    Returns:
        The features, and the reason for each column that is left out.
    """
    features: list[FeatureColumn] = []
    left_out: dict[str, str] = {}
    for name in names:
        found = infer_column(frame[name], media_root, frame.columns)
        if isinstance(found, str):
            left_out[name] = found
        else:
            features += found
    return features, left_out


def infer_column(
    cells: pl.Series, media_root: Path, columns: Collection[str] = ()
) -> list[FeatureColumn] | str:
    """Infer the features of one column, or the reason to leave it out.

    Args:
        columns: All columns of the table, whose names a second feature of the column avoids.
    """
    if not cells.name or cells.name.startswith("Unnamed: "):
        return "has no name"
    feature_name = f"{cells.name}_" if cells.name in RESERVED else cells.name
    sample = ColumnSample(
        cells=cells, feature_name=feature_name, columns=columns, media_root=media_root
    )
    cell_type = _cell_type(cells.dtype)
    reason = _unreadable(sample, cell_type)
    if reason is not None or cell_type is None:
        return reason or _NESTED
    for rule in _rules():
        found = rule.infer(sample) if rule.cells == cell_type else None
        if found is not None:
            return found
    return "its values fit no feature kind"


@cache
def _rules() -> tuple[Rule, ...]:
    rules = (rule for name in FEATURE_KINDS.names() for rule in FEATURE_KINDS.load(name).RULES)
    return tuple(sorted(rules, key=lambda rule: rule.order))


def _cell_type(dtype: pl.DataType) -> CellType | None:
    """The type that inference rules choose by; None for structs without bytes."""
    if isinstance(dtype, pl.List | pl.Array):
        return "list"
    if isinstance(dtype, pl.Struct):
        return "bytes" if "bytes" in {f.name for f in dtype.fields} else None
    if dtype == pl.Binary:
        return "bytes"
    is_number = dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean
    return "number" if is_number else "string"


def _unreadable(sample: ColumnSample, cell_type: CellType | None) -> str | None:
    """The reason why no kind reads the cells, if there is one."""
    cells = sample.cells
    if cell_type == "list":
        lists = cells.arr.to_list() if isinstance(cells.dtype, pl.Array) else cells
        lengths = lists.drop_nulls().list.len()
        if not (lengths > 0).any():  # an empty list is a missing one
            return _EMPTY
        inner = getattr(cells.dtype, "inner", None)
        innermost = inner.inner if isinstance(inner, pl.List) else inner
        is_nested = innermost is not None and (innermost.is_nested() or innermost == pl.Binary)
        return _NESTED if is_nested else None
    if cell_type == "bytes":
        return _EMPTY if cells.null_count() == len(cells) else None
    return _EMPTY if cell_type is not None and not len(sample.known) else None
