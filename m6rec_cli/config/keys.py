"""One configuration key: its default, its meaning, and the values that it takes."""

from dataclasses import Field, dataclass, field, fields, is_dataclass
from typing import TypeVar, cast, get_type_hints

from m6rec_cli.system import registry

Value = bool | int | float | str | list[int] | list[str]
"""The value of a key."""

T = TypeVar("T", bound=Value)
MAX_SEED = 2**32 - 1
"""Larger seeds have no room in the random keys of JAX."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """What the documentation and the checks need to know of a key.

    Attributes:
        meaning: The comment in TOML.
        ge: Lower bound of a number, inclusive.
        le: Upper bound of a number, inclusive.
        choices: The strings that the key takes; all if empty.
    """

    default: Value
    meaning: str
    ge: float | None
    le: float | None
    choices: tuple[str, ...]

    @property
    def bounds(self) -> str:
        """The bounds of a number, such as `>= 0, <= 1`; empty without bounds."""
        signs = ((">=", self.ge), ("<=", self.le))
        return ", ".join(f"{sign} {bound:.10g}" for sign, bound in signs if bound is not None)

    @property
    def comment(self) -> str:
        """The meaning, followed by the choices or the bounds."""
        allowed = " | ".join(self.choices) or self.bounds
        return self.meaning + (f" ({allowed})" if allowed else "")

    def is_within_bounds(self, number: float) -> bool:
        """Whether a number is within the bounds; NaN is outside of any."""
        return (self.ge is None or number >= self.ge) and (self.le is None or number <= self.le)


def key(
    default: T,
    meaning: str,
    *,
    ge: float | None = None,
    le: float | None = None,
    choices: tuple[str, ...] = (),
    part: str = "",
) -> T:
    """A dataclass field that is a configuration key.

    Args:
        part: A part folder such as `model.decoders`, whose files are the choices.
    """
    if part:
        choices = registry.names(part)
    info = Key(default=default, meaning=meaning, ge=ge, le=le, choices=choices)
    if isinstance(default, list):
        return field(default_factory=lambda: cast(T, default.copy()), metadata={"key": info})
    return field(default=default, metadata={"key": info})


def key_of(f: Field[Value]) -> Key:
    """The key that a dataclass field stands for."""
    return f.metadata["key"]


def all_keys(section: type, prefix: str = "") -> dict[str, Key]:
    """The keys of a section and its subsections by their dotted names."""
    found: dict[str, Key] = {}
    types = get_type_hints(section)
    for f in fields(section):
        if is_dataclass(types[f.name]):
            found |= all_keys(types[f.name], f"{prefix}{f.name}.")
        else:
            found[prefix + f.name] = key_of(f)
    return found
