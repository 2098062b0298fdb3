"""Which column has which role, and which feature is read from which column: what a user can edit."""

from dataclasses import dataclass

from m6rec_cli.system.feature_spec import FeatureSpec, Kind


@dataclass(frozen=True)
class FeatureColumn:
    """A feature as the user declares it: which column, read as what.

    Attributes:
        separator: Parts a set that is text (`|`).
        encoder: A local ONNX file that makes the vector of a text or of a picture.
        sha256: What the encoder's digest has to be; None pins nothing.
    """

    name: str
    column: str
    kind: Kind
    separator: str | None = None
    encoder: str | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, spec: FeatureSpec) -> "FeatureColumn":
        """The column that a fitted feature is read from."""
        return cls(
            spec.name,
            spec.state["column"],
            spec.kind,
            *(spec.state.get(key) for key in ("separator", "encoder", "sha256")),
        )


@dataclass(frozen=True)
class Schema:
    """Column roles of the three tables. `None` means that the table has no such column.

    Attributes:
        timestamp_format: `auto` (epochs by magnitude, ISO and common dates), `day-first` or `month-first` (dates that are
            written so), `order` (a rank and no time), `s`, `ms`, `us`, `ns`, or a strptime pattern such as `%d/%m/%Y %H:%M`.
        quantity: Lines of zero or less (cancellations) are dropped.
        price: The same, where a quantity is named.
        missing_users: Ids that stand for an unknown user, such as `0`.
        users_are_items: Whether an item with a user's id is that user, who then is never listed to himself.
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
        """Whether events carry real times, and not an order alone."""
        return self.timestamp is not None and self.timestamp_format != "order"
