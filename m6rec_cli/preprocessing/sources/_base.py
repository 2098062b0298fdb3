"""What a source defines, and the parts of an address such as `sqlite:///shop.db?table=events`."""

import re
from pathlib import Path
from typing import NamedTuple, Protocol

from m6rec_cli.system.errors import M6RecError, missing_path_hint, nearest_hint
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.registry import Part

_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+]*:(?:///?)?)?"
    r"(?P<file>[^?]*)(?:\?(?:(?P<key>\w+)=)?(?P<value>.*))?",
    re.DOTALL,
)


class Copy(NamedTuple):
    """A temporary copy of a table.

    Attributes:
        path: A file, or a glob, that the readers open.
        original: The file on this machine that was copied; None if there is none.
    """

    path: Path
    original: Path | None = None


class Source(Protocol):
    """A place that tables are copied from.

    Attributes:
        FORM: What an address looks like.
    """

    FORM: str

    def claims(self, address: str) -> bool:
        """Whether an address belongs to this source; reads at most the start of a file."""
        ...

    def copy(self, address: str, what: str, folder: Path, report: Reporter) -> Copy:
        """Copy a table into a temporary folder, as a file that the readers open.

        Args:
            what: What the table is for, such as `interactions`; errors say it.

        Raises:
            M6RecError: The table cannot be read.
        """
        ...


SOURCES = Part[Source]("preprocessing.sources")


class FileAddress(NamedTuple):
    """A file that holds several tables, and the one that is asked for.

    Attributes:
        scheme: Such as `sqlite`; empty for a plain path.
        key: What precedes `=` behind the question mark; empty if nothing does.
        value: What follows; None if there is no question mark.
    """

    scheme: str
    file: Path
    key: str = ""
    value: str | None = None


def parse_address(address: str) -> FileAddress | None:
    """The parts of `[SCHEME:///]FILE[?[KEY=]VALUE]`; three slashes precede a relative path.

    The value is taken as it is, without percent escapes. None if there is no file name.
    """
    if Path(address).exists():
        return FileAddress("", Path(address))
    found = _ADDRESS.fullmatch(address)
    if not found or not found["file"]:
        return None
    scheme = (found["scheme"] or "").partition(":")[0].lower()
    return FileAddress(scheme, Path(found["file"]), found["key"] or "", found["value"])


def require_file(parts: FileAddress, address: str, what: str, keys: tuple[str, ...]) -> None:
    """Raise unless the file exists and the key is one of `keys`, or none is given."""
    if not parts.file.is_file():
        hint = missing_path_hint(parts.file)
        if parts.scheme and (Path("/") / parts.file).is_file():
            hint = f"an absolute path has four slashes: `{parts.scheme}:////{parts.file}`"
        raise M6RecError(f"the {what} file does not exist", where=address, hint=hint)
    if parts.key and parts.key not in keys:
        raise M6RecError(
            f"unknown key `{parts.key}` behind the question mark",
            where=address,
            hint=nearest_hint(parts.key, keys),
        )
