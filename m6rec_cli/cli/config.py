"""`m6rec config`: print the resolved configuration with a comment on each key."""

from typing import Annotated

import typer

from m6rec_cli.cli import options, run
from m6rec_cli.system.errors import UsageError, nearest_hint


def config(
    stage: Annotated[
        str,
        typer.Option(
            "--stage", metavar="STAGE", help="Include the defaults of `pretrain` or `finetune`."
        ),
    ] = "pretrain",
    preset: options.Preset = None,
    config_file: options.ConfigFile = None,
    sets: options.Set = None,
    debug: options.Debug = False,
) -> None:
    """Print the configuration as TOML, with a comment on each key."""
    with run.exit_codes(debug=debug):
        from m6rec_cli.config.resolve import resolve
        from m6rec_cli.config.settings import STAGE_DEFAULTS
        from m6rec_cli.config.toml_text import to_toml

        if stage not in STAGE_DEFAULTS:
            raise UsageError(
                f"`--stage` cannot be `{stage}`", hint=nearest_hint(stage, STAGE_DEFAULTS)
            )
        resolved = resolve(stage, preset=preset, file=config_file, sets=sets or ())
        print(to_toml(resolved, comments=True), end="")
