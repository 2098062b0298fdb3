"""Bytes of a text file to the first line that is not UTF-8, and the encoding that it may have."""

import codecs
import re

_HIGH = re.compile(rb"[\x80-\xff]+")
_KANA = re.compile(r"[\u3040-\u30ff]")
_WESTERN_SHARE = 0.5
_KANA_SHARE = 0.2


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


def _is_utf8(line: bytes) -> bool:
    return _decode(line, "utf-8") is not None


def _decode(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None
