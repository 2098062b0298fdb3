"""Options that several commands share, each written once."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Argument(metavar="DATA", help="Data directory of `m6rec preprocess`.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where the same command was interrupted.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set a configuration key; repeatable. `m6rec config` lists the keys.",
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="TOML configuration file.")
]
Preset = Annotated[
    str | None, typer.Option("--preset", metavar="NAME", help="tiny, small, base or large.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Warnings and errors only.")]
LogFormat = Annotated[
    str, typer.Option("--log-format", metavar="FORMAT", help="auto, plain or json (on stderr).")
]
Coordinator = Annotated[
    str | None,
    typer.Option(
        "--coordinator",
        metavar="HOST:PORT",
        help="Of process 0, when several processes work as one; found by "
        "itself on SLURM, in a Kubernetes job and on Cloud TPU.",
    ),
]
NumProcesses = Annotated[
    int | None,
    typer.Option(
        "--num-processes",
        metavar="N",
        help="How many processes work as one; 1 never looks for others.",
    ),
]
ProcessId = Annotated[
    int | None, typer.Option("--process-id", metavar="I", help="Which of them this is, from 0.")
]
Profile = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        metavar="DIR",
        help="Write a JAX trace of a few dispatches after the first ones.",
    ),
]
NoCompileCache = Annotated[
    bool,
    typer.Option(
        "--no-compile-cache",
        help="Neither read nor write compiled programs in M6REC_CACHE_DIR (~/.cache/m6rec).",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
