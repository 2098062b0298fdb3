"""`m6rec inspect`: what outputs are, how they were made, and whether they are whole."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from m6rec_cli.cli import console, options, run
from m6rec_cli.system.shown_text import printable, printable_json


def inspect(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH…",
            help="Data, run, state and report directories, JSON reports, files of ranked lists.",
        ),
    ],
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Read every file and compare it with its recorded digest, raw inputs too.",
        ),
    ] = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show what outputs are, when and from what they were made; compare several runs."""
    with run.exit_codes(debug=debug):
        from m6rec_cli.stages import inspect as stage

        found = stage.run(paths, verify=verify)
        if sys.stdout.isatty() and not as_json:
            for line in found.lines():  # not through Rich: a command to copy stays in one piece
                print(printable(line))
            sys.stdout.flush()
            found.show(console.reporter(stream=sys.stdout))
        else:
            text = json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False)
            print(printable_json(text), flush=True)
        if found.skipped:
            console.reporter().warn(
                f"{len(found.skipped)} paths are no outputs of m6rec, first: {found.skipped[0]}"
            )
        found.require_whole()
