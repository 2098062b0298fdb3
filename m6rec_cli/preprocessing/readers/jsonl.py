"""JSON lines, or one JSON array of objects, to a lazy frame with the types of the values.

Lines of Python dicts (`{u'asin': u'B00X'}`), as old data sets have them, are read into memory.
"""

import ast
import codecs
import io
import json
from pathlib import Path
from typing import IO

import polars as pl

from m6rec_cli.preprocessing.readers._base import (
    Salvaged,
    is_pattern,
    matching_files,
    read_all,
    read_start,
    scan_path,
)
from m6rec_cli.system.errors import M6RecError

SUFFIXES = tuple(
    name + packed for name in (".jsonl", ".ndjson", ".json") for packed in ("", ".gz", ".zst")
)
CONTENT = "records"
IS_TEXT = True
READS_FOLDERS = False
_START_BYTES = 1 << 12
MAX_IN_MEMORY = 1 << 30
"""Bytes of the files that are read into memory before they are parsed: 1 GiB."""


def scan(path: str, *, no_header: bool = False) -> pl.LazyFrame:
    """Scan a file or a glob; an array, or a file with a byte order mark, is read into memory.

    Infers types from all lines: Polars silently drops a key that first occurs after the lines it
    looks at.

    Raises:
        M6RecError: The files of a glob are arrays.
    """
    start = read_start(path, _START_BYTES)
    has_mark = start.startswith(codecs.BOM_UTF8)
    is_array = start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")
    if not (has_mark or is_array):
        return pl.scan_ndjson(_source(path), infer_schema_length=None)
    if is_pattern(path):
        raise M6RecError(
            "the files hold one JSON array each" if is_array else "the files begin with a mark",
            where=path,
            hint="write one object a line: `jq -c '.[]' FILE > NEW_FILE.jsonl`"
            if is_array
            else "remove the byte order mark: `sed -i '1s/^\\xef\\xbb\\xbf//' FILE`",
        )
    data = read_all(path).removeprefix(codecs.BOM_UTF8)
    if not is_array:
        return pl.scan_ndjson(data, infer_schema_length=None)
    try:
        return pl.read_json(data, infer_schema_length=None).lazy()
    except pl.exceptions.PolarsError:
        return _read_array(data, path).lazy()


def _source(path: str) -> list[IO[bytes]] | str:
    """The files' bytes, or their path if they are large.

    Polars maps a file of JSON lines, and the kernel kills a process whose file is cut meanwhile.
    """
    files = [Path(file) for file in matching_files(path)]
    if sum(file.stat().st_size for file in files) > MAX_IN_MEMORY:
        return scan_path(path)
    return [io.BytesIO(file.read_bytes()) for file in files]


def _read_array(data: bytes, path: str) -> pl.DataFrame:
    """Read an array that Polars refuses, such as one with numbers and texts in one column."""
    try:
        rows = json.loads(data.decode("utf-8", "replace"))
    except ValueError as error:
        raise M6RecError(f"the JSON array is damaged: {error}", where=path) from None
    if not all(isinstance(row, dict) for row in rows):
        raise M6RecError(
            "the JSON array holds values that are no objects",
            where=path,
            hint='a record looks like {"user_id": "u1", "item_id": "i1"}',
        )
    return pl.DataFrame(rows, infer_schema_length=None, strict=False)


def salvage(path: str, *, no_header: bool = False) -> Salvaged | None:
    """Read the lines that are JSON objects or Python dicts.

    Raises:
        M6RecError: No line is one.
    """
    rows: list[dict[str, object]] = []
    bad: list[int] = []
    text = read_all(path).removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n"), 1):
        value = _value_of(line)
        if isinstance(value, dict):
            rows.append(value)
        elif line.strip():
            bad.append(number)
    if not rows:
        raise M6RecError(
            "no line of the file is a JSON object",
            where=path,
            hint='a record looks like {"user_id": "u1", "item_id": "i1"}',
        )
    frame = pl.DataFrame(rows, infer_schema_length=None, strict=False)
    return Salvaged(frame.lazy(), len(bad), bad[0] if bad else None)


def _value_of(line: str) -> object:
    """The value of a JSON or Python literal; None for other text. Nothing is evaluated."""
    try:
        return json.loads(line)
    except ValueError:
        pass
    try:
        return ast.literal_eval(line.strip()) if line.lstrip().startswith("{") else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
