"""A stage to its outcome on stdout and stderr, its messages and an exit code."""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from m6rec_cli.cli import console, folding
from m6rec_cli.cli.outcome import Outcome
from m6rec_cli.system import process_group, process_setup, signals
from m6rec_cli.system.disk_errors import disk_error
from m6rec_cli.system.errors import M6RecError, Terminated
from m6rec_cli.system.file_faults import is_panic
from m6rec_cli.system.process_setup import ProcessFlags
from m6rec_cli.system.progress import Reporter, SilentReporter
from m6rec_cli.system.shown_text import duration, printable, printable_json

_LINK_LOOP = "Symlink loop from "
"""Begins the message that `Path.resolve` raises before Python 3.13."""


def run_stage(
    work: Callable[[Reporter], Outcome],
    *,
    quiet: bool,
    log_format: console.LogFormat,
    debug: bool,
    as_json: bool = False,
    begins_with: str | None = None,
    processes: ProcessFlags | None = None,
    compile_cache: bool = True,
) -> None:
    """Call `work` with a reporter; print its summary for programs, its last lines for a person.

    Args:
        begins_with: What the command does first, shown at once: imports alone can take seconds.
        as_json: Print the summary, one JSON object, on a terminal, too.
        processes: The process group, for commands that may run as one; only the first process
            reports and prints.
        compile_cache: Whether JAX reads and writes compiled programs.

    Raises:
        SystemExit: With the documented exit code, after the message is on stderr.
    """
    if not compile_cache:
        # JAX reads this when it is imported, which is later.
        os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    started = time.monotonic()
    try:
        with (
            exit_codes(debug=debug, as_json=log_format == "json"),
            process_setup.joined(processes) if processes else nullcontext(),
        ):
            if process_group.is_first():
                report = console.reporter(quiet=quiet, log_format=log_format)
            else:
                report = SilentReporter()
            if begins_with is not None:
                report.status(begins_with)
            try:
                outcome = work(report)
            finally:
                report.close()
            if not process_group.is_first():
                return
            if outcome.summary is not None and (as_json or not sys.stdout.isatty()):
                text = json.dumps(outcome.summary, ensure_ascii=False, allow_nan=False)
                print(printable_json(text), flush=True)
            if isinstance(report, console.RichReporter):
                report.repeat_warnings()
            took = time.monotonic() - started
            report.event("done", f"✓ {outcome.done} in {duration(took)}", seconds=round(took, 2))
            if outcome.next_step is not None:
                report.event("next", f"next: {outcome.next_step}", step=outcome.next_step)
    except SystemExit as end:
        process_setup.exit_without_waiting(end.code if isinstance(end.code, int) else 1)
        raise


@contextmanager
def exit_codes(*, debug: bool = False, as_json: bool = False) -> Iterator[None]:
    """Turn exceptions into a message on stderr, as text or JSON, and the documented exit code."""
    try:
        yield
        signals.finish()
    except M6RecError as error:
        _print_error(error, debug, as_json)
        raise SystemExit(error.exit_code) from None
    except Terminated as end:
        signals.finish()
        _print_stopped("stopped", end.exit_code, as_json)
        raise SystemExit(end.exit_code) from None
    except KeyboardInterrupt:
        _print_stopped("interrupted", 130, as_json)
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader closed the pipe (`m6rec ... | head`). The interpreter flushes stdout at exit:
        # into the null device, so that it raises nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as error:
        if (full := disk_error(error)) is not None:
            _print_error(full, debug, as_json)
            raise SystemExit(1) from None
        where = str(error.filename) if error.filename else None
        _print_error(
            M6RecError(
                f"the system refused: {error.strerror or error}",
                where=where,
                hint="does the place exist, and may you read and write there?",
            ),
            debug,
            as_json,
        )
        raise SystemExit(1) from None
    except BaseException as error:
        if not (isinstance(error, Exception) or is_panic(error)):
            raise
        if debug:
            traceback.print_exc()
        if (code := signals.raised_exit_code()) is not None:
            # A library caught the signal's exception and raised its own.
            _print_stopped("stopped", code, as_json)
            raise SystemExit(code) from None
        if (full := disk_error(error)) is not None:
            _print_error(full, False, as_json)
            raise SystemExit(1) from None
        if isinstance(error, RuntimeError) and str(error).startswith(_LINK_LOOP):
            where = str(error).removeprefix(_LINK_LOOP).strip("'")
            loop = M6RecError("a symbolic link leads to itself", where=where, hint="remove it")
            _print_error(loop, False, as_json)
            raise SystemExit(1) from None
        if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
            reason = str(error).strip()[:200] or type(error).__name__
            _print_error(
                M6RecError(
                    f"out of memory: {reason}",
                    hint="in training lower `train.batch_targets`, or spread the tables over "
                    "devices: `train.model_parallel`",
                ),
                False,
                as_json,
            )
            raise SystemExit(1) from None
        text = f"this is a bug in m6rec: {type(error).__name__}: {error}"
        hint = "run again with `--debug` and report the traceback"
        _print_message("error", text, 3, as_json, hint=hint)
        raise SystemExit(3) from None


def _print_error(error: M6RecError, debug: bool, as_json: bool) -> None:
    if debug:
        traceback.print_exc()
    _print_message(
        "error", error.what, error.exit_code, as_json, where=error.where, hint=error.hint
    )


def _print_stopped(text: str, code: int, as_json: bool) -> None:
    """Print the last line of a command that was asked to stop."""
    print(_json_line("stopped", text, code) if as_json else text, file=sys.stderr)


def _print_message(level: str, text: str, code: int, as_json: bool, **more: str | None) -> None:
    if as_json:
        print(_json_line(level, text, code, **more), file=sys.stderr)
        return
    sender = "" if process_group.is_first() else f"process {process_group.process_index()}: "
    lines = [f"{sender}{level}: {printable(text)}"]
    lines += [f"  {name}: {printable(value)}" for name, value in more.items() if value]
    if sys.stderr.isatty():
        columns = folding.width(sys.stderr)
        lines = [folding.fold(line, columns, 4) for line in lines]
    print("\n".join(lines), file=sys.stderr)


def _json_line(level: str, text: str, code: int, **more: str | None) -> str:
    line = json.dumps(
        {
            "time": round(time.time(), 3),
            "level": level,
            "event": level,
            "text": text,
            **{name: value for name, value in more.items() if value},
            "exit_code": code,
            **({} if process_group.is_first() else {"process": process_group.process_index()}),
        },
        ensure_ascii=False,
    )
    return printable_json(line)
