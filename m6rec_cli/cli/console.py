"""The reporter of a command on stderr: a Rich display on a terminal, plain lines, or JSON lines."""

import sys
from typing import Literal, TextIO

from m6rec_cli.cli.line_reporters import JsonReporter, PlainReporter
from m6rec_cli.cli.rich_reporter import RichReporter
from m6rec_cli.system.progress import Reporter

LogFormat = Literal["auto", "plain", "json"]


def reporter(
    *, quiet: bool = False, log_format: LogFormat = "auto", stream: TextIO | None = None
) -> Reporter:
    """The reporter of a format; `auto` is Rich on a terminal unless quiet, else plain."""
    out: TextIO = sys.stderr if stream is None else stream
    if log_format == "json":
        return JsonReporter(out, quiet)
    if log_format == "auto" and out.isatty() and not quiet:
        return RichReporter(out)
    return PlainReporter(out, quiet)
