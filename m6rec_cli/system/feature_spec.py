"""A fitted feature: what the model needs to build its tower, and what encoding needs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

Entity = Literal["item", "user"]
Storage = Literal["number", "code", "codes", "array"]
Comparison = Literal["values", "tokens", "vectors"]
StateValue = bool | int | float | str | None | list[str] | list[float]


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """A fitted feature.

    Attributes:
        name: Unique within its entity; the column's name unless the schema says otherwise.
        entity: Whether items or users have it.
        kind: The file of `preprocessing/features/` that encodes it, and of `model/encoders/` that
            has its tower.
        size: Number of codes (categorical, set, text), components (vector), pixels of a side
            (image, video) or mel bins (audio); 1 for numbers.
        length: Longest list (set, text) or number of frames (audio, video); 1 otherwise.
        storage: Layout in the data directory: `number` is a column of f32, `code` of u32, `codes`
            of list[u32]; an `array` lies in `media/`.
        compared_by: How content similarity and list metrics compare items by the feature: by
            `values` of a vocabulary (code 0 stands for rare and unknown ones), `tokens` or
            `vectors`; None if they do not.
        state: What else encoding needs, by kind: vocabulary, mean and scale, separator. All have
            `column`, the raw column.
    """

    name: str
    entity: Entity
    kind: str
    size: int
    length: int = 1
    storage: Storage
    compared_by: Comparison | None = None
    state: Mapping[str, StateValue] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """A JSON object; `FeatureSpec(**obj)` reads it back."""
        return asdict(self)
