"""Addresses of tables to paths on this machine: what is no plain file is copied to a temporary one.

While the copies exist, `address_of` gives back what the user named, for messages and manifests.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from m6rec_cli.preprocessing.changed_inputs import noticing_changes
from m6rec_cli.preprocessing.sources._base import SOURCES, Source
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.temporary import temporary_folder

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class _Original(NamedTuple):
    address: str
    file: Path | None


_ORIGINALS: dict[Path, _Original] = {}
"""What each existing copy was made from."""


@dataclass(frozen=True, kw_only=True)
class LocalTables:
    """Paths that the readers open."""

    interactions: tuple[Path, ...]
    items: Path | None
    users: Path | None
    fit_with: tuple[Path, ...] = ()


@contextmanager
def local_tables(
    interactions: Sequence[str],
    items: str | None,
    users: str | None,
    report: Reporter,
    *,
    fit_with: Sequence[str] = (),
) -> Iterator[LocalTables]:
    """The paths of tables; copies are removed at the end.

    Errors raised meanwhile name the addresses that the user gave.

    Raises:
        M6RecError: A table cannot be copied, or the scheme of an address is unknown; or see
            `noticing_changes`.
    """
    with temporary_folder() as folder:
        try:
            logs = [_local(log, "interactions", folder, report) for log in interactions]
            tables = LocalTables(
                interactions=tuple(logs),
                items=_local(items, "items", folder, report) if items else None,
                users=_local(users, "users", folder, report) if users else None,
                fit_with=tuple(_local(path, "items", folder, report) for path in fit_with),
            )
            paths = (*logs, tables.items, tables.users, *tables.fit_with)
            with noticing_changes([path for path in paths if path is not None], report):
                yield tables
        except M6RecError as error:
            _name_originals(error, folder)
            raise
        finally:
            for copy in [path for path in _ORIGINALS if path.is_relative_to(folder)]:
                del _ORIGINALS[copy]


def address_of(path: Path | str) -> str:
    """What the user calls the table at `path`."""
    original = _ORIGINALS.get(Path(path))
    return original.address if original else str(path)


def original_of(path: Path) -> Path | None:
    """The file that the user named; None if it is not on this machine."""
    original = _ORIGINALS.get(path)
    return original.file if original else path


def folder_of(path: Path) -> Path:
    """The folder that paths within a table are relative to."""
    return (original_of(path) or path).parent


def _local(address: str, what: str, folder: Path, report: Reporter) -> Path:
    source = _source_of(address)
    if source is None:
        return Path(address)
    if any(original.address == address == "-" for original in _ORIGINALS.values()):
        raise M6RecError("standard input is named twice", hint="it holds one table")
    work = folder / str(len(_ORIGINALS))
    work.mkdir()
    copy = source.copy(address, what, work, report)
    _ORIGINALS[copy.path] = _Original(address, copy.original)
    return copy.path


def _source_of(address: str) -> Source | None:
    """The source that an address belongs to; None for a plain path."""
    sources = [SOURCES.load(name) for name in SOURCES.names()]
    for source in sources:
        if source.claims(address):
            return source
    if scheme := _SCHEME.match(address):
        raise M6RecError(
            f"`{scheme[0]}` is no place that tables can be read from",
            where=address,
            hint="download the file, or use one of the forms "
            + ", ".join(f"`{source.FORM}`" for source in sources if ":" in source.FORM),
        )
    return None


def _name_originals(error: M6RecError, folder: Path) -> None:
    """Replace paths of copies in an error by what the user named."""
    for copy, original in _ORIGINALS.items():
        if copy.is_relative_to(folder):
            error.what = error.what.replace(str(copy), original.address)
            error.where = error.where and error.where.replace(str(copy), original.address)
            error.hint = error.hint and error.hint.replace(str(copy), original.address)
