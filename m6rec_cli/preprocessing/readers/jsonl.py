"""JSON lines to a lazy frame with the types that the values have."""

import json
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing.readers.csv import literal
from m6rec_cli.system.errors import M6RecError

SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


def scan(path: str) -> pl.LazyFrame:
    """Scan a file or a glob; the types come from all lines, since a key that comes late would be lost without a word."""
    return pl.scan_ndjson(literal(path), infer_schema_length=None)


def salvage(path: str) -> tuple[pl.LazyFrame, int, int | None]:
    """Read a file that the scanner refuses: lines that are no JSON object are left out and counted.

    Raises:
        M6RecError: No line is one.
    """
    import gzip

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
    return frame.lazy(), len(bad), bad[0] if bad else None
