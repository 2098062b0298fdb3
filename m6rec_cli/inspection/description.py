"""What an inspection finds: an output, its figures and its inputs, as typed values."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from m6rec_cli.system.progress import PLAIN_TABLE, TableStyle

Figure = str | int | float | bool | None
"""A figure of an output."""
InputState = Literal["same", "same size", "changed", "missing", "not checked"]


@dataclass(frozen=True, kw_only=True)
class Input:
    """What an output was made from.

    Attributes:
        role: Such as `data`, `parent` or `interactions`.
        path: As the output names it.
        state: `same` if its digest or fingerprint is the recorded one, `same size` if only its size
            was compared, `not checked` if it cannot be compared.
        bytes: Recorded size of a raw file.
        sha256: Recorded digest of a raw file.
        inputs: What the input itself was made from, as far as it is there and the same.
    """

    role: str
    path: str
    state: InputState
    bytes: int | None = None
    sha256: str | None = None
    inputs: tuple["Input", ...] = ()

    def to_json(self) -> dict[str, object]:
        """A JSON object without what is unknown."""
        known: dict[str, object] = {
            k: v for k, v in asdict(self).items() if v is not None and k != "inputs"
        }
        return known | ({"inputs": [i.to_json() for i in self.inputs]} if self.inputs else {})


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table that a person sees of one output, such as the epochs of a run."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    style: TableStyle = PLAIN_TABLE


@dataclass(frozen=True, kw_only=True)
class Description:
    """One output.

    Attributes:
        kind: `data`, `run`, `state`, `search`, `report` or `lists`.
        what: The same in words, such as `a fine-tuned run`.
        complete: Whether the command that writes it has ended.
        created: UTC in ISO format; None if it is not recorded.
        modified: The last change of the file or the directory, UTC in ISO format.
        command: The command line; None if it is not recorded.
        version: Of m6rec.
        format: Of the manifest; None without one.
        figures: Key figures by name.
        columns: The figures that a table of several outputs shows.
        inputs: What it was made from.
        tables: What a person sees beside the figures.
        details: Further values for programs.
        bytes: Size of all files.
        files: Number of files.
        has_digests: Whether the output records digests of its files.
        problems: Damaged and missing files; None if files were not compared with their digests.
        checked: Number of files whose digest was computed.
    """

    kind: str
    path: str
    what: str
    complete: bool = True
    created: str | None = None
    modified: str | None = None
    command: str | None = None
    version: str | None = None
    format: int | None = None
    figures: dict[str, Figure] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    tables: tuple[Table, ...] = ()
    details: dict[str, object] = field(default_factory=dict)
    bytes: int = 0
    files: int = 0
    has_digests: bool = False
    problems: tuple[str, ...] | None = None
    checked: int = 0

    def to_json(self) -> dict[str, object]:
        """A JSON object; the tables are for people, `details` has their values."""
        for_people = ("tables", "columns", "details", "inputs")
        whole = {k: v for k, v in vars(self).items() if k not in for_people}
        return {
            **whole,
            "problems": None if self.problems is None else list(self.problems),
            "inputs": [i.to_json() for i in self.inputs],
            **self.details,
        }


def all_inputs(inputs: Sequence[Input], depth: int = 0) -> Iterator[tuple[int, Input]]:
    """Inputs and the inputs of these with their depth, in the order of a tree."""
    for found in inputs:
        yield depth, found
        yield from all_inputs(found.inputs, depth + 1)


def first_inputs(
    inputs: Sequence[Input], known: set[Input] | None = None, depth: int = 0
) -> Iterator[tuple[int, Input, bool]]:
    """The same, but the inputs of one that came before are left out; True marks such a one."""
    known = set() if known is None else known
    for found in inputs:
        is_repeated = bool(found.inputs) and found in known
        yield depth, found, is_repeated
        if not is_repeated:
            known.add(found)
            yield from first_inputs(found.inputs, known, depth + 1)
