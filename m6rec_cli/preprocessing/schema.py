"""The schema, which users can edit: the role of each column, and the features to read."""

from dataclasses import KW_ONLY, dataclass
from typing import NotRequired, TypedDict, cast

from m6rec_cli.system.feature_spec import FeatureSpec

ENCODED_KIND = "vector"
"""The kind of the features that frozen encoders make."""


class _ColumnState(TypedDict):
    """What `FeatureSpec.state` says about the column."""

    column: str
    separator: NotRequired[str | None]
    encoder: NotRequired[str | None]
    sha256: NotRequired[str | None]


@dataclass(frozen=True)
class FeatureColumn:
    """A feature as the user declares it: a column, and the kind that it is read as.

    Attributes:
        separator: Between the members of a set that is written as text, such as `|`.
        encoder: A local ONNX file that turns a text or a picture into a vector.
        sha256: The required digest of the encoder; None allows any.
    """

    name: str
    column: str
    kind: str
    _: KW_ONLY
    separator: str | None = None
    encoder: str | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, spec: FeatureSpec) -> "FeatureColumn":
        """The column that a fitted feature is read from."""
        state = cast(_ColumnState, spec.state)
        return cls(
            spec.name,
            state["column"],
            spec.kind,
            separator=state.get("separator"),
            encoder=state.get("encoder"),
            sha256=state.get("sha256"),
        )


@dataclass(frozen=True)
class Schema:
    """Column roles of the three tables; None for a role without a column.

    Attributes:
        timestamp_format: `auto` (epochs by magnitude, ISO and common dates), `day-first` or
            `month-first` (the order in dates), `order` (a rank, not a time), `s`, `ms`, `us`, `ns`,
            or a strptime pattern such as `%d/%m/%Y %H:%M`.
        quantity: Events of zero or less (cancellations) are dropped.
        price: Events of zero or less are dropped.
        missing_users: Ids that stand for an unknown user, such as `0`.
        users_are_items: Whether equal user and item ids name the same person; then users are never
            recommended to themselves.
        display: The column with a readable name of each item.
    """

    user: str
    item: str
    timestamp: str | None = None
    timestamp_format: str = "auto"
    event: str | None = None
    weight: str | None = None
    quantity: str | None = None
    price: str | None = None
    missing_users: tuple[str, ...] = ()
    users_are_items: bool = False
    item_id: str | None = None
    user_id: str | None = None
    display: str | None = None
    item_features: tuple[FeatureColumn, ...] = ()
    user_features: tuple[FeatureColumn, ...] = ()

    @property
    def has_time(self) -> bool:
        """Whether the events have times, and not just an order."""
        return self.timestamp is not None and self.timestamp_format != "order"

    @property
    def has_numbered_columns(self) -> bool:
        """Whether the columns have numbers for names: the tables have no header line."""
        return self.user.isdecimal() and self.item.isdecimal()
