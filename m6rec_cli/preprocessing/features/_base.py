"""What a feature kind is: its traits, its inference rules, and the functions `fit` and `encode`.

A file of this folder is a feature kind, and `model/encoders/` has a tower of the same name. Nothing
else has to change for a new kind: the data directory, the content similarity and the frozen
encoders read the traits, which `fit.py` copies into the `FeatureSpec` where lower wings need them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.system.feature_spec import Comparison, FeatureSpec, StateValue, Storage
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.registry import Part

PerItem = Literal["median", "most common"]
CellType = Literal["list", "bytes", "number", "string"]
"""`number` covers dates and booleans; `bytes` covers structs with a field `bytes`."""


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What other modules need to know about a kind.

    Attributes:
        storage: Layout in the data directory, see `FeatureSpec.storage`.
        compared_by: How item content is compared, see `FeatureSpec.compared_by`.
        encoder_input: What a frozen encoder can read in the cells. Text also serves as display
            name.
        per_item: How the values on an item's event lines become one value.
        extra: The extra of the package whose library reads the cells.
        shared_file: A file of the `features` folder that all features of the kind share.
    """

    storage: Storage
    compared_by: Comparison | None = None
    encoder_input: Literal["text", "image"] | None = None
    per_item: PerItem = "most common"
    extra: str | None = None
    shared_file: str | None = None


@dataclass(frozen=True, kw_only=True)
class ColumnSample:
    """The first rows of a column without a role, for inference.

    Attributes:
        cells: The raw cells; at least one holds a value.
        feature_name: The name of the feature that the column becomes.
        columns: All columns of the table.
        media_root: The folder that media paths are relative to.
    """

    cells: pl.Series
    feature_name: str
    columns: Collection[str]
    media_root: Path

    @property
    def name(self) -> str:
        """The column's name."""
        return self.cells.name

    @property
    def dtype(self) -> pl.DataType:
        """The column's type."""
        return self.cells.dtype

    @cached_property
    def known(self) -> pl.Series:
        """The cells that hold a value, as strings. Not defined for bytes."""
        return select(self.cells, cell_values.text(self.name, self.dtype)).drop_nulls()

    def feature(self, kind: str, separator: str | None = None) -> list[FeatureColumn]:
        """The column as one feature of this kind."""
        return [FeatureColumn(self.feature_name, self.name, kind, separator=separator)]


@dataclass(frozen=True)
class Rule:
    """One way to recognise a kind. The first rule that decides wins, by `order`, then by kind name.

    Attributes:
        order: From 0; rules for specific values come before rules that accept anything.
        cells: The type of cells that the rule looks at.
        infer: Returns the features, a reason to leave the column out, or None if the rule does not
            apply.
    """

    order: int
    cells: CellType
    infer: Callable[[ColumnSample], list[FeatureColumn] | str | None]


@dataclass(frozen=True, kw_only=True)
class FitContext:
    """What `fit` needs besides the cells.

    Attributes:
        config: The `data` section.
        folder: The `features` folder of the new data directory.
        all_cells: Training cells of every feature of the kind, items before users.
    """

    config: DataConfig
    folder: Path
    all_cells: Sequence[pl.Series] = ()


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What `fit` learns from the training rows; see the attributes of `FeatureSpec`."""

    size: int = 1
    length: int = 1
    state: Mapping[str, StateValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EncodeContext:
    """What `encode` needs besides the cells and the fitted feature.

    Attributes:
        folder: The `features` folder with the shared files.
        media_root: The folder that media paths are relative to.
        out: Where an array too large for memory is written; None keeps it in memory.
        cleaning: Counts masked and clipped cells.
        report: Shows progress.
    """

    folder: Path
    media_root: Path
    out: Path | None
    cleaning: CleaningLog
    report: Reporter


class FeatureKind(Protocol):
    """A file of this folder."""

    TRAITS: Traits
    RULES: Sequence[Rule]

    def fit(self, cells: pl.Series, column: FeatureColumn, context: FitContext) -> Fitted:
        """Learn size, length and state from the raw cells of training rows."""
        ...

    def encode(
        self, cells: pl.Series, spec: FeatureSpec, context: EncodeContext
    ) -> pl.Series | FeatureArray:
        """Turn raw cells into a column, or into an array if the storage is `array`.

        Missing and unreadable cells become null or masked, and are counted in `context.cleaning`.
        """
        ...


FEATURE_KINDS = Part[FeatureKind]("preprocessing.features", "feature kind")


def select(cells: pl.Series, expression: pl.Expr) -> pl.Series:
    """Evaluate an expression over one column."""
    return cells.to_frame().select(expression).to_series()


def rule_prefix(spec: FeatureSpec) -> str:
    """The start of the feature's rules in the cleaning report."""
    return f"{spec.entity}s: `{spec.name}`"


def count_missing(encoded: pl.Series, spec: FeatureSpec, context: EncodeContext) -> None:
    """Count the nulls of an encoded column."""
    context.cleaning.count_changed(f"{rule_prefix(spec)} missing, masked", encoded.null_count())
