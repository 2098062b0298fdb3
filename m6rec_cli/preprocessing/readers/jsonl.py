"""JSON lines to a lazy frame with the types of the values."""

import gzip
import json
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing.readers._base import Salvaged, scan_path
from m6rec_cli.system.errors import M6RecError

SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
CONTENT = "records"
IS_TEXT = True
READS_FOLDERS = False


def scan(path: str) -> pl.LazyFrame:
    """Scan a file or a glob.

    Infers types from all lines: Polars silently drops a key that first occurs after the lines it
    looks at.
    """
    return pl.scan_ndjson(scan_path(path), infer_schema_length=None)


def salvage(path: str) -> Salvaged | None:
    """Read the lines that are JSON objects.

    Raises:
        M6RecError: No line is one.
    """
    opener = gzip.open if path.endswith(".gz") else open
    rows: list[dict[str, object]] = []
    bad: list[int] = []
    with opener(Path(path), "rt", encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            try:
                value = json.loads(line)
            except ValueError:
                value = None
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
