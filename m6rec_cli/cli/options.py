"""Options that several commands share, each written once."""

from pathlib import Path
from typing import Annotated

import typer

Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set a configuration key; repeatable. `m6rec config` lists the keys.",
    ),
]
ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML configuration file.")]
Preset = Annotated[str | None, typer.Option("--preset", metavar="NAME", help="tiny, small, base or large.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Warnings and errors only.")]
LogFormat = Annotated[
    str, typer.Option("--log-format", metavar="FORMAT", help="auto, plain or json (on stderr).")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
