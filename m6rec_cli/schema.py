"""The words that stages share about data: column roles, feature kinds, and what is known of a feature.

`Schema` is what the user can edit (TOML, `--schema`). `FeatureSpec` is what `preprocess` learned of a
feature from training rows; the model builds its towers from these alone and never sees the data layer.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["numeric", "categorical", "set", "text", "image", "audio", "video", "vector"]
KINDS: tuple[Kind, ...] = ("numeric", "categorical", "set", "text", "image", "audio", "video", "vector")
MEDIA: tuple[Kind, ...] = ("image", "audio", "video")
"""Kinds whose cells name files (or hold their bytes) that `preprocess` decodes."""
Entity = Literal["item", "user"]
RESERVED = ("row", "id", "display", "popularity")
"""Columns of `items.parquet` and `users.parquet` that are no features, so that no feature may have their names."""

START = -1
"""The item of a token that is none: the first of a history, and padding."""
N_GAPS = 24
"""Buckets of the time since the event before, 0 where it is not known: see `data.batches.gap_buckets`."""

TRAIN, VALID, TEST, COLD = 0, 1, 2, 3
SPLITS = ("train", "valid", "test", "cold")
"""`cold` has the events of items and users that nothing is trained or fitted on."""


@dataclass(frozen=True)
class FeatureSpec:
    """A feature as it was fitted.

    Attributes:
        name: Unique within its entity; the column's name unless the schema says otherwise.
        entity: Whether items or users have it.
        kind: How it is encoded.
        size: Vocabulary size (categorical, set, text) or number of components (vector), 1 for numeric;
            for images and videos the side in pixels (they are stored square, RGB, uint8); mel bins for audio.
        length: The longest list kept (set, text), frames (audio, video); 1 otherwise.
        state: What encoding needs besides: vocabulary, mean and scale, separator, tokenizer file.
    """

    name: str
    entity: Entity
    kind: Kind
    size: int
    length: int = 1
    state: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `FeatureSpec(**obj)` reads it back."""
        return asdict(self)


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
        return cls(spec.name, spec.state["column"], spec.kind,
                   *(spec.state.get(key) for key in ("separator", "encoder", "sha256")))  # fmt: skip


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
