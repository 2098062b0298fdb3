"""The command `m6rec` and its subcommands."""

import contextlib
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from m6rec_cli import __version__
from m6rec_cli.cli import run
from m6rec_cli.cli.subcommands import Subcommands
from m6rec_cli.system import process_group, provenance, signals


class _Commands(TyperGroup):
    """The subcommands, imported when they are used; their overview is written by hand."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Subcommands()  # type: ignore[assignment]  # nothing is added to it

    def get_help(self, ctx: Any) -> str:  # Typer does not export its base class's type
        from m6rec_cli.cli import folding, overview

        return overview.text(folding.width())


app = typer.Typer(
    name="m6rec",
    cls=_Commands,
    context_settings={"help_option_names": ["--help", "-h"]},
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        print(__version__, flush=True)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options before the subcommand."""


def _words_of_the_shell() -> contextlib.AbstractContextManager[None]:
    if os.environ.get("_M6REC_COMPLETE") != "complete_bash":
        return contextlib.nullcontext()
    from m6rec_cli.cli import bash_words

    return bash_words.whole_settings()


def main() -> None:
    """Run the command line and exit with the documented code."""
    signals.install_handlers(lambda line: print(line, file=sys.stderr, flush=True))
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    provenance.record_command(sys.argv[1:])
    try:
        # The codes are for a help text that cannot be written.
        with run.exit_codes(), _words_of_the_shell():
            app()
    except SystemExit as end:
        if end.code in signals.EXIT_CODES and "jax" in sys.modules and process_group.is_alone():
            # All files are closed. An ordinary exit may crash in what JAX still computes.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code)
        raise
