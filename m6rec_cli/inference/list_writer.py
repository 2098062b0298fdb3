"""Lists to a file or to standard output, in the format that the suffix says."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from m6rec_cli.inference.explanation import COLUMNS
from m6rec_cli.system import process_group
from m6rec_cli.system.directories import WORK_PREFIX, atomic_file
from m6rec_cli.system.errors import M6RecError, UsageError

SUFFIXES = (".parquet", ".csv", ".jsonl")


def part(out: str, users: str | None, state: Path | None) -> str:
    """The file of this process: of two, the first writes `recs-00000-of-00002.parquet` for `recs.parquet`."""
    if process_group.is_alone():
        return out
    if state is not None:
        raise UsageError("`--state` is kept by one process", hint="`--num-processes 1`")
    if "-" in (out, users):
        raise UsageError(
            "several processes share neither standard input nor standard output",
            hint="name files, not `-`",
        )
    path = Path(out)
    return str(
        path.with_name(
            f"{path.stem}-{process_group.process_index():05}-of-{process_group.process_count():05}{path.suffix}"
        )
    )


def check(out: str, overwrite: bool) -> None:
    """What can be refused is refused before the work."""
    if out == "-":
        return
    path = Path(out)
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"`--out {out}`: the suffix says no format",
            hint=", ".join(SUFFIXES) + ", or `-` for stdout",
        )
    if path.is_dir():
        raise M6RecError(
            "the output is a directory where a file is wanted", where=out, hint="name a file"
        )
    if path.exists() and not overwrite:
        raise M6RecError("the output exists", where=out, hint="pass `--overwrite` to replace it")


@contextmanager
def writer(out: str, overwrite: bool) -> Iterator[Callable[[pl.DataFrame], object]]:
    """A function that takes the frames one after the other; a file is there when all are written."""
    if out == "-":
        first = iter([True])
        yield lambda frame: sys.stdout.write(
            _flat(frame).write_csv(include_header=next(first, False))
        )
        return
    with atomic_file(Path(out), overwrite=overwrite) as work:
        if work.suffix == ".parquet":
            # Set aside in a format that takes one frame after the other, so that memory does not grow with the users.
            with tempfile.TemporaryDirectory(dir=work.parent, prefix=WORK_PREFIX) as folder:
                parts: list[Path] = []

                def put_aside(frame: pl.DataFrame) -> None:
                    parts.append(Path(folder) / f"{len(parts)}.arrow")
                    frame.write_ipc(parts[-1])

                yield put_aside
                pl.scan_ipc(parts, glob=False).sink_parquet(work)
            return
        with work.open("w", encoding="utf-8") as file:
            first = iter([True])
            if work.suffix == ".csv":
                yield lambda frame: file.write(
                    _flat(frame).write_csv(include_header=next(first, False))
                )
            else:
                yield lambda frame: file.write(frame.write_ndjson())


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Nested columns as JSON text, since a CSV cell holds nothing else."""
    nested = [frame[name] for name in COLUMNS if name in frame.columns]
    return frame.with_columns(
        pl.Series(
            s.name,
            [json.dumps(value, ensure_ascii=False) for value in s.to_list()],
            dtype=pl.String,
        )
        for s in nested
    )
