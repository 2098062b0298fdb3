"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from m6rec_cli.cli import completion, console
from m6rec_cli.inference.request import Before

Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="Data directory written by `m6rec preprocess`.")
]
Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="Run directory of `m6rec finetune` or `pretrain`.")
]
UsersData = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DATA", help="Data directory with the users and their histories."
    ),
]
HistoryEnd = Annotated[
    Before,
    typer.Option(
        "--before",
        help="End each history before its events of this split; `all` keeps every event.",
    ),
]
RawEvents = Annotated[
    str | None,
    typer.Option(
        "--interactions",
        metavar="FILE",
        help="Raw event log, instead of `--data`; whatever `m6rec preprocess` reads.",
    ),
]
RawMedia = Annotated[
    Path | None,
    typer.Option(
        "--media",
        metavar="DIR",
        help="Folder of the pictures, sounds and videos of `--items` and `--users`; by default "
        "the folder of each table.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue an interrupted run of the same command, or a finished one with larger "
        "`train.epochs`, `train.patience` or `train.max_steps`.",
    ),
]
MaxTime = Annotated[
    str | None,
    typer.Option(
        "--max-time",
        metavar="TIME",
        help="Stop training after so long (2h, 90m), with exit code 124; `--resume` continues.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        autocompletion=completion.settings,
        help="Set a configuration key; repeatable. `m6rec config` lists the keys.",
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="TOML configuration file.")
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        autocompletion=completion.presets,
        help="Size of the model: tiny (a first try), small (the defaults), base or large (millions "
        "of events, a GPU).",
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print the JSON summary on a terminal, too, as into a pipe."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print warnings and errors only.")]
LogFormat = Annotated[
    console.LogFormat, typer.Option("--log-format", help="Format of the messages on stderr.")
]
Coordinator = Annotated[
    str | None,
    typer.Option(
        "--coordinator",
        metavar="HOST:PORT",
        help="Address of process 0, for several processes that work as one; detected on SLURM, "
        "in a Kubernetes job and on Cloud TPU.",
    ),
]
NumProcesses = Annotated[
    int | None,
    typer.Option(
        "--num-processes",
        metavar="N",
        help="Number of processes that work as one; 1 turns the detection off.",
    ),
]
ProcessId = Annotated[
    int | None, typer.Option("--process-id", metavar="I", help="Index of this process, from 0.")
]
Profile = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        metavar="DIR",
        help="Write a JAX trace of a few dispatches after the first ones.",
    ),
]
Tensorboard = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard",
        metavar="DIR",
        help="Add an event file to DIR with the measurements of training, for TensorBoard (extra "
        "`tensorboard`).",
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
