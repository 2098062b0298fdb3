"""A text file to the first line that is not UTF-8, and the encoding that it may have."""

import codecs
import re

from m6rec_cli.preprocessing.readers._base import first_unreadable_line, read_start
from m6rec_cli.system.errors import M6RecError

_HIGH = re.compile(rb"[\x80-\xff]+")
_KANA = re.compile(r"[\u3040-\u30ff]")
_WESTERN_SHARE = 0.5
_KANA_SHARE = 0.2
_NUL_SHARE = 0.25
_START_BYTES = 64
_CHECKED_BYTES = 1 << 25


def check_file(path: str) -> tuple[int | None, str | None]:
    """The first line of a text file that is not UTF-8, and the encoding that it may have.

    Polars unpacks `.zst` files and keeps no letters in other encodings, so these have no guess.
    """
    if path.endswith(".zst"):
        return first_unreadable_line(path), None
    start = read_start(path, _CHECKED_BYTES)
    line = first_non_utf8_line(start)
    return line, None if line is None else guess_encoding(start)


def require_no_utf_16(path: str) -> None:
    """Raise if the file, or the first of several, is UTF-16 text, which spreadsheets write."""
    start = read_start(path, _START_BYTES)
    # The last is what Polars makes of the mark in a `.zst` file.
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, "\ufffd\ufffd".encode())
    if start.startswith(marks) or start.count(b"\0") > _NUL_SHARE * len(start):
        raise M6RecError(
            "the file is UTF-16 text, and only UTF-8 can be read",
            where=path,
            hint=f"convert it: {conversion('UTF-16', path)}",
        )


def first_non_utf8_line(data: bytes) -> int | None:
    """The number of the first line that is not UTF-8; a letter cut off at the end is ignored."""
    try:
        codecs.utf_8_decode(data, "strict", False)
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return None


def guess_encoding(data: bytes) -> str:
    """The likely encoding of text that is not UTF-8, by the name that `iconv` has for it.

    Each candidate decodes the bytes strictly. Letters of Western languages stand alone between
    ASCII letters, while Chinese and Japanese are written in pairs of bytes; kana are Japanese.
    """
    lines = [line for line in data.split(b"\n") if not _is_utf8(line)]
    sample = b"\n".join(lines[:1000])
    runs = _HIGH.findall(sample)
    is_western = sum(len(run) == 1 for run in runs) > _WESTERN_SHARE * len(runs)
    japanese = _decode(sample, "shift_jis")
    if japanese is not None:
        foreign = [letter for letter in japanese if not letter.isascii()]
        if sum(map(bool, map(_KANA.match, foreign))) > _KANA_SHARE * len(foreign):
            return "SHIFT_JIS"
    western = _decode(sample, "cp1252") is not None
    if western and is_western:
        return "WINDOWS-1252"
    if _decode(sample, "gb18030") is not None:
        return "GB18030"
    if japanese is not None:
        return "SHIFT_JIS"
    return "WINDOWS-1252" if western else "ISO-8859-1"


def conversion(encoding: str | None, path: str) -> str:
    """The command line that converts a file, which may be packed, to UTF-8."""
    convert = f"iconv -f {encoding or 'WINDOWS-1252'} -t UTF-8"
    for suffix, program in ((".gz", "gzip"), (".zst", "zstd")):
        if path.endswith(suffix):
            return f"`{program} -dc FILE | {convert} | {program} > NEW_FILE{suffix}`"
    return f"`{convert} FILE > NEW_FILE`"


def _is_utf8(line: bytes) -> bool:
    return _decode(line, "utf-8") is not None


def _decode(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None
