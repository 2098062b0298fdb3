"""What is known of a fitted feature: all that the model needs to build its tower."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["numeric", "categorical", "set", "text", "image", "audio", "video", "vector"]
KINDS: tuple[Kind, ...] = (
    "numeric",
    "categorical",
    "set",
    "text",
    "image",
    "audio",
    "video",
    "vector",
)
MEDIA: tuple[Kind, ...] = ("image", "audio", "video")
"""Kinds whose cells name files (or hold their bytes) that `preprocess` decodes."""
Entity = Literal["item", "user"]


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
