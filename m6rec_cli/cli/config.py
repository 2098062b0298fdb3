"""`m6rec config`: print the resolved configuration with a comment on each key."""

import sys
from typing import Annotated, Literal

import typer

from m6rec_cli.cli import folding, options, run


def config(
    stage: Annotated[
        Literal["pretrain", "finetune"],
        typer.Option("--stage", help="Stage whose defaults are included."),
    ] = "pretrain",
    preset: options.Preset = None,
    config_file: options.ConfigFile = None,
    sets: options.Set = None,
    debug: options.Debug = False,
) -> None:
    """Print the configuration as TOML, with a comment on each key."""
    with run.exit_codes(debug=debug):
        from m6rec_cli.config.resolve import resolve
        from m6rec_cli.config.toml_text import to_toml

        resolved = resolve(stage, preset=preset, file=config_file, sets=sets or ())
        text = to_toml(resolved, comments=True)
        print(folding.fold_comments(text) if sys.stdout.isatty() else text, end="")
