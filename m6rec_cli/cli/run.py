"""From a command's function to an exit code: errors to messages, the summary to stdout."""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from m6rec_cli.cli import console
from m6rec_cli.system import process_group, signals
from m6rec_cli.system.errors import M6RecError, Terminated, UsageError
from m6rec_cli.system.process_group import ProcessFlags
from m6rec_cli.system.progress import Reporter, SilentReporter, Summary

LOG_FORMATS = ("auto", "plain", "json")


def stage(
    work: Callable[[Reporter], Summary | None],
    *,
    quiet: bool,
    log_format: str,
    debug: bool,
    processes: ProcessFlags | None = None,
    compile_cache: bool = True,
) -> None:
    """Run `work` with a reporter and print its summary as one JSON object on stdout.

    Args:
        processes: Given by commands that several processes can run as one; only the first of them speaks.
        compile_cache: Whether compiled programs are kept and taken up again.

    Raises:
        SystemExit: With the documented code, after the message is on stderr.
    """
    if not compile_cache:
        os.environ["JAX_ENABLE_COMPILATION_CACHE"] = (
            "false"  # read when JAX is imported, which is later
        )
    try:
        with exit_codes(debug=debug, as_json=log_format == "json"):
            if log_format not in LOG_FORMATS:
                raise UsageError(
                    f"`--log-format` cannot be `{log_format}`", hint="auto, plain or json"
                )
            with process_group.joined(processes) if processes else nullcontext():
                first = process_group.is_first()
                summary = work(
                    console.reporter(quiet=quiet, log_format=log_format)
                    if first
                    else SilentReporter()
                )
                if summary is not None and first:
                    print(json.dumps(summary, ensure_ascii=False, allow_nan=False))
                    sys.stdout.flush()
    except SystemExit as end:
        process_group.exit_without_waiting(end.code if isinstance(end.code, int) else 1)
        raise


@contextmanager
def exit_codes(*, debug: bool = False, as_json: bool = False) -> Iterator[None]:
    """Turn exceptions into messages on stderr, as text or as one JSON object, and the exit codes of the contract."""
    try:
        yield
    except M6RecError as error:
        _say(error, debug, as_json)
        raise SystemExit(error.exit_code) from None
    except Terminated as end:
        _end("stopped", end.exit_code, as_json)
        raise SystemExit(end.exit_code) from None
    except KeyboardInterrupt:
        _end("interrupted", 130, as_json)
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader went away (`m6rec ... | head`): no traceback, and none from the interpreter's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as error:
        where = str(error.filename) if error.filename else None
        _say(
            M6RecError(
                f"the system refused: {error.strerror or error}",
                where=where,
                hint="is there room on the disk, and may you write there?",
            ),
            debug,
            as_json,
        )
        raise SystemExit(1) from None
    except Exception as error:
        if debug:
            traceback.print_exc()
        if (code := signals.raised_exit_code()) is not None:
            # A library met the signal's exception and raised one of its own.
            _end("stopped", code, as_json)
            raise SystemExit(code) from None
        if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
            _say(
                M6RecError(
                    f"there is not enough memory: {str(error).strip()[:200] or type(error).__name__}",
                    hint="in training lower `train.batch_targets`, or divide the tables: `train.model_parallel`",
                ),
                False,
                as_json,
            )
            raise SystemExit(1) from None
        found = f"this is a bug in m6rec: {type(error).__name__}: {error}"
        _print("error", found, 3, as_json, hint="run again with `--debug` and report the traceback")
        raise SystemExit(3) from None


def _say(error: M6RecError, debug: bool, as_json: bool) -> None:
    if debug:
        traceback.print_exc()
    _print("error", error.what, error.exit_code, as_json, where=error.where, hint=error.hint)


def _end(word: str, code: int, as_json: bool) -> None:
    """The last word of a command that was asked to stop."""
    print(_object("stopped", word, code) if as_json else word, file=sys.stderr)


def _print(level: str, what: str, code: int, as_json: bool, **more: str | None) -> None:
    if as_json:
        print(_object(level, what, code, **more), file=sys.stderr)
        return
    who = "" if process_group.is_first() else f"process {process_group.process_index()}: "
    lines = [f"{who}{level}: {what}", *(f"  {name}: {text}" for name, text in more.items() if text)]
    print("\n".join(lines), file=sys.stderr)


def _object(level: str, text: str, code: int, **more: str | None) -> str:
    return json.dumps(
        {
            "time": round(time.time(), 3),
            "level": level,
            "text": text,
            **{name: value for name, value in more.items() if value},
            "exit_code": code,
            **({} if process_group.is_first() else {"process": process_group.process_index()}),
        },
        ensure_ascii=False,
    )
