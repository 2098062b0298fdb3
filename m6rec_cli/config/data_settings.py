"""The keys of the section `data`: how `preprocess` cleans, splits and encodes."""

from dataclasses import dataclass

from m6rec_cli.config.keys import MAX_SEED, key


@dataclass(frozen=True)
class DataConfig:
    """How `preprocess` cleans, splits and encodes."""

    split: str = key(
        "leave-one-out",
        "how events are split into training, validation and test",
        choices=("leave-one-out", "temporal", "ratio", "none"),
    )
    valid_fraction: float = key(
        0.1, "share of the events (temporal: of the time span) for validation", ge=0, le=0.9
    )
    test_fraction: float = key(
        0.1, "share of the events (temporal: of the time span) for test", ge=0, le=0.9
    )
    cold_items: float = key(
        0.0,
        "share of the items made cold: all their events go to the split `cold`",
        ge=0,
        le=0.9,
    )
    cold_users: float = key(
        0.0,
        "share of the users made cold: all their events go to the split `cold`",
        ge=0,
        le=0.9,
    )
    tie_order: str = key(
        "file",
        "order of a user's events of the same time: as in the file, or `random`, which shows how "
        "much figures depend on it",
        choices=("file", "random"),
    )
    seed: int = key(
        0,
        "seed of the random draw of cold items and cold users, and of `tie_order=random`",
        ge=0,
        le=MAX_SEED,
    )
    min_user_events: int = key(
        1, "drop users with fewer events; repeated together with `min_item_events`", ge=1
    )
    min_item_events: int = key(
        1, "drop items with fewer events; catalogue items without any event stay", ge=1
    )
    max_user_events_per_day: int = key(
        0, "drop users with more events per day, as bots; 0 keeps all", ge=0
    )
    outlier_mads: float = key(
        12.0,
        "clip numeric values farther than this many MADs from the median; 0 clips none",
        ge=0,
    )
    unknown_items: str = key(
        "error",
        "what to do with events whose item is not in the catalogue",
        choices=("error", "drop"),
    )
    max_unknown_share: float = key(
        0.2,
        "largest share of the events that `unknown_items=drop` may take without an error",
        ge=0,
        le=1,
    )
    unknown_users: str = key(
        "keep",
        "what to do with events whose user is not in the user table",
        choices=("keep", "drop", "error"),
    )
    users_are_items: bool = key(
        False,
        "items are users too, with the same ids: a user is never recommended to themselves",
    )
    text_vocabulary: int = key(8000, "size of the byte-level BPE vocabulary", ge=300)
    text_length: int = key(48, "tokens kept of each text", ge=1)
    text_encoder: str = key(
        "", "local ONNX text encoder (tokenizer.json beside it) that adds a vector to each text"
    )
    image_encoder: str = key("", "local ONNX image encoder that adds a vector to each image")
    set_length: int = key(32, "members kept of each set", ge=1)
    min_category_count: int = key(
        2, "categories with fewer rows share one code for rare values", ge=1
    )
    image_size: int = key(32, "side of a stored image or video frame, in pixels", ge=8)
    video_frames: int = key(4, "frames kept of each video, evenly spaced", ge=1)
    audio_seconds: int = key(30, "seconds kept from the middle of each sound", ge=1, le=600)
    audio_frames: int = key(32, "log-mel frames that each sound is averaged to", ge=1)
    audio_mels: int = key(64, "mel bins per frame, at 16 kHz mono", ge=8, le=128)
