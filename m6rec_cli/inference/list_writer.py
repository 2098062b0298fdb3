"""Frames of lists to a file, in the format of its suffix, or to standard output."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from m6rec_cli.inference.explanation import COLUMNS
from m6rec_cli.system import process_group
from m6rec_cli.system.directories import atomic_file
from m6rec_cli.system.errors import UsageError
from m6rec_cli.system.output_checks import check_output_file
from m6rec_cli.system.work_files import parts_folder, remove_dead_files

SUFFIXES = (".parquet", ".csv", ".jsonl")
METADATA = "m6rec"
"""The key of a Parquet file's metadata that holds the inputs of the lists as JSON."""
ShowLists = Callable[[pl.DataFrame], object]
_FORMULA = r"^([=+\-@])"
"""The start of a cell that spreadsheets take for a formula."""


def process_output(out: str, user_ids: str | None, state: Path | None) -> str:
    """The file that this process writes: `out`, or its part of it if there are several processes.

    The first of two processes writes `recs-00000-of-00002.parquet` for `recs.parquet`.

    Raises:
        UsageError: Several processes cannot share `--state`, standard input or standard output.
    """
    n = process_group.process_count()
    if n == 1:
        return out
    if state is not None:
        raise UsageError("`--state` works with one process only", hint="`--num-processes 1`")
    if "-" in (out, user_ids):
        raise UsageError(
            "several processes cannot share standard input or standard output",
            hint="name files, not `-`",
        )
    path = Path(out)
    part = f"{path.stem}-{process_group.process_index():05}-of-{n:05}{path.suffix}"
    return str(path.with_name(part))


def check_output(out: str, overwrite: bool, *, escape_formulas: bool = False) -> None:
    """Refuse an output that cannot be written, before the work.

    Raises:
        M6RecError: The suffix is no format, or the output exists.
    """
    if escape_formulas and Path(out).suffix != ".csv":
        raise UsageError(
            "`--escape-formulas` changes cells of a .csv, and no other format needs it",
            hint="leave it out, or write a .csv",
        )
    if out == "-":
        return
    path = Path(out)
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"`--out {out}` has no suffix of a known format",
            hint=", ".join(SUFFIXES) + ", or `-` for stdout",
        )
    check_output_file(path, overwrite=overwrite)


@contextmanager
def list_writer(
    out: str,
    overwrite: bool,
    *,
    made_from: Mapping[str, str] | None = None,
    show: ShowLists | None = None,
    escape_formulas: bool = False,
) -> Iterator[ShowLists]:
    """Yield a function that writes a frame; the file appears when the block ends without error.

    Args:
        made_from: Facts about the inputs, for the metadata of a Parquet file.
        show: Writes to stdout in place of JSON lines.
        escape_formulas: Mark cells of a CSV that a spreadsheet would take for a formula.
    """
    if out == "-":
        yield show or (lambda frame: sys.stdout.write(frame.write_ndjson()))
        sys.stdout.flush()  # an error of the last rows has to come before the state is replaced
        return
    remove_dead_files(Path(out).parent)
    with atomic_file(Path(out), overwrite=overwrite) as work:
        if work.suffix == ".parquet":
            with _parquet_writer(work, made_from or {}) as write:
                yield write
            return
        with work.open("w", encoding="utf-8") as file:
            if work.suffix == ".csv":
                yield _csv_writer(file.write, escape_formulas)
            else:
                yield lambda frame: file.write(frame.write_ndjson())


@contextmanager
def _parquet_writer(work: Path, made_from: Mapping[str, str]) -> Iterator[ShowLists]:
    """Keep the frames as Arrow files first: memory does not grow with the users."""
    folder = parts_folder(work)
    folder.mkdir()
    parts: list[Path] = []

    def write(frame: pl.DataFrame) -> None:
        parts.append(folder / f"{len(parts)}.arrow")
        frame.write_ipc(parts[-1])

    yield write
    metadata = {METADATA: json.dumps(made_from)}
    pl.scan_ipc(parts, glob=False).sink_parquet(work, metadata=metadata)


def _csv_writer(write: Callable[[str], object], escape_formulas: bool) -> ShowLists:
    """Write frames as CSV with one header."""
    header = iter([True])

    def write_frame(frame: pl.DataFrame) -> None:
        flat = _flat(frame)
        if escape_formulas:
            flat = flat.with_columns(pl.col(pl.String).str.replace(_FORMULA, "'${1}"))
        write(flat.write_csv(include_header=next(header, False)))

    return write_frame


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Nested columns as JSON text, because a CSV cell holds no lists."""
    nested = [frame[name] for name in COLUMNS if name in frame.columns]
    return frame.with_columns(
        pl.Series(
            s.name,
            [json.dumps(value, ensure_ascii=False) for value in s.to_list()],
            dtype=pl.String,
        )
        for s in nested
    )
