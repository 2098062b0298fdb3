"""The schema, which users can edit: the role of each column, and the features to read."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import NotRequired, TypedDict, cast

from m6rec_cli.system.errors import UsageError
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


@dataclass(frozen=True, kw_only=True)
class SchemaHints:
    """What a user says about columns; everything else is inferred.

    Attributes:
        roles: The column of each named role of the event log; None for a role without a column.
        timestamp_format: As in `Schema`; None infers it.
        order: As in `Schema`; None infers it.
        missing_users: As in `Schema`; None infers them.
        item_features: Features of items by name; None leaves the column of that name out.
        user_features: The same for users.
        source: Where the hints stand, for errors.
    """

    roles: Mapping[str, str | None] = field(default_factory=dict)
    timestamp_format: str | None = None
    order: tuple[str, ...] | None = None
    missing_users: tuple[str, ...] | None = None
    users_are_items: bool = False
    item_id: str | None = None
    user_id: str | None = None
    display: str | None = None
    item_features: Mapping[str, FeatureColumn | None] = field(default_factory=dict)
    user_features: Mapping[str, FeatureColumn | None] = field(default_factory=dict)
    source: str = ""

    def with_roles(
        self, roles: Mapping[str, str | None], source: str, order: tuple[str, ...] | None = None
    ) -> "SchemaHints":
        """Add roles of the event log, and its order.

        Raises:
            UsageError: A role has another column already.
        """
        if order and self.order and order != self.order:
            raise UsageError(
                f"`{source}` and `{self.source}` name different columns as the order",
                hint="name it once",
            )
        for role, column in roles.items():
            if role in self.roles and self.roles[role] != column:
                raise UsageError(
                    f"`{source}` and `{self.source}` name different columns as the {role}",
                    hint="name it once",
                )
        sources = f"{self.source} and {source}" if self.source else source
        return replace(
            self, roles={**self.roles, **roles}, source=sources, order=order or self.order
        )


@dataclass(frozen=True)
class Schema:
    """Column roles of the three tables; None for a role without a column.

    Attributes:
        timestamp_format: `auto` (epochs by magnitude, ISO and common dates), `day-first` or
            `month-first` (the order in dates), `order` (a rank, not a time), `s`, `ms`, `us`, `ns`,
            or a strptime pattern such as `%d/%m/%Y %H:%M`.
        time_of_day: A column with the time of day that is added to the date.
        order: Columns that order the events of a user at the same time, or all of them without a
            time, the leading one first: numbers, or texts whose first line counts.
        quantity: Events of zero or less (cancellations) are dropped.
        price: Events of zero or less are dropped.
        missing_users: Ids that stand for an unknown user, such as `0`.
        users_are_items: Whether equal user and item ids name the same person; then users are never
            recommended to themselves.
        display: The column with a readable name of each item.
    """

    user: str
    item: str
    _: KW_ONLY
    timestamp: str | None = None
    timestamp_format: str = "auto"
    time_of_day: str | None = None
    order: tuple[str, ...] = ()
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
