"""`manifest.json` of a data directory to `DataManifest`, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from m6rec_cli.system.errors import M6RecError, missing_path_hint
from m6rec_cli.system.sealed_files import FILES, SEAL, SealedDirectory, read_sealed, write_sealed

MANIFEST = "manifest.json"
FORMAT = 3
_HINT = "run `m6rec preprocess` again"
MAX_MASKED_REPEATS = 0.1
"""Share of repeats among the targets above which seen items stay in the lists."""
FEW_REPEATS = 0.01
"""Share of repeats above which a warning says that they are misses."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Numbers of rows.

    Attributes:
        events: Events of each split.
        targets: Labelled events of each held-out split.
    """

    users: int
    items: int
    events: dict[str, int]
    targets: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class CleaningRule:
    """What one cleaning rule did.

    Attributes:
        rule: The table, a colon and what is wrong, such as `events: no item id`.
        dropped: Rows that it dropped; None for a rule that changes cells.
        changed: Cells that it changed; None for a rule that drops rows.
        examples: The first ids or rows.
    """

    rule: str
    dropped: int | None = None
    changed: int | None = None
    examples: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """A JSON object without the count that does not apply."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """A file that `preprocess` read.

    Attributes:
        role: `interactions`, `items`, `users`, `schema`, or `fitted with` for the item table of
            another shop.
        path: As given on the command line.
        bytes: Size; None for a table that is not on this machine, as `sha256` then is.
    """

    role: str
    path: str
    bytes: int | None
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class DataManifest:
    """The facts about a data directory that its tables do not hold.

    Attributes:
        schema: The `Schema` that the tables were read by, as JSON.
        counts: Numbers of users, items, events and targets.
        cleaning: What each rule did, in order.
        split: Kind of split, such as `temporal`.
        positive: The `--positive` expression; None if every event is labelled.
        event_kinds: Names of the event kinds; the position is the code.
        has_time: Whether timestamps are times and not just an order.
        ties: Events at the same time as another event of their user.
        repeats: Share of the validation and test targets that their user has seen before.
        inputs: The files that were read.
        config: The `data.*` settings by dotted key.
        fingerprints: A digest of all other files of the directory, one for each domain.
        created: When it was written, see `Provenance`.
        command: The command line that wrote it.
        files: SHA-256 of each other file, by its path within the directory.
        seal: The digest of the manifest itself; empty before it is written.
    """

    schema: Mapping[str, object]
    counts: Counts
    cleaning: Sequence[CleaningRule]
    split: str
    positive: str | None
    event_kinds: tuple[str, ...]
    has_time: bool
    ties: int
    repeats: float
    inputs: Sequence[InputFile]
    config: Mapping[str, object]
    fingerprints: tuple[str, ...]
    files: Mapping[str, str]
    created: str | None = None
    command: str | None = None
    seal: str = field(default="", compare=False)

    @property
    def users_are_items(self) -> bool:
        """Whether user ids and item ids name the same people."""
        return bool(self.schema.get("users_are_items"))

    def to_json(self) -> dict[str, object]:
        """The facts that `manifest.json` holds, without the digests."""
        facts = {k: v for k, v in asdict(self).items() if k not in (FILES, SEAL)}
        return {"format": FORMAT, **facts, "cleaning": [r.to_json() for r in self.cleaning]}

    def directory(self, path: Path) -> SealedDirectory:
        """The directory that the manifest was read from."""
        return SealedDirectory(
            path=path,
            manifest=MANIFEST,
            files=self.files,
            seal=self.seal,
            what="data directory",
            hint=_HINT,
        )


def hides_seen(seen: str, repeats: float) -> bool:
    """Whether lists leave out seen items, by `recommend.seen` and the share of repeats."""
    return repeats <= MAX_MASKED_REPEATS if seen == "auto" else seen == "drop"


def write_manifest(folder: Path, manifest: DataManifest) -> None:
    """Write `manifest.json`, the last file of a data directory."""
    write_sealed(folder / MANIFEST, {**manifest.to_json(), FILES: manifest.files})


def read_manifest(folder: Path) -> DataManifest:
    """Read `manifest.json` of a data directory.

    Raises:
        M6RecError: `folder` is no data directory, or the manifest is damaged or of another format.
    """
    path = folder / MANIFEST
    if not path.exists():
        found = folder.exists()
        raise M6RecError(
            "this is not a data directory" if found else "the data directory does not exist",
            where=str(path),
            hint=(None if found else missing_path_hint(folder))
            or "make it with `m6rec preprocess ... --out DIR`",
        )
    tree = read_sealed(
        path,
        "the data directory's manifest",
        owner="the data directory",
        version=FORMAT,
        old_hint=_HINT,
        hint=_HINT,
    )
    try:
        return _from_json(tree)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"no key {error}" if isinstance(error, KeyError) else str(error)
        raise M6RecError(
            f"the data directory's manifest is damaged: {reason}",
            where=str(path),
            hint=_HINT,
        ) from None


def _from_json(tree: dict[str, Any]) -> DataManifest:  # Any: decoded JSON
    names = {f.name for f in fields(DataManifest)} - {"created", "command"}
    values = {name: tree[name] for name in names}
    nested = {
        "counts": Counts(**values["counts"]),
        "cleaning": [CleaningRule(**rule) for rule in values["cleaning"]],
        "inputs": [InputFile(**file) for file in values["inputs"]],
        "event_kinds": tuple(values["event_kinds"]),
        "fingerprints": tuple(values["fingerprints"]),
        "files": dict(values["files"]),
    }
    return DataManifest(**values | nested, created=tree.get("created"), command=tree.get("command"))
