"""`m6rec pretrain`: data directories to a run directory, without labels."""

from pathlib import Path
from typing import Annotated

import typer

from m6rec_cli.cli import options, outcome
from m6rec_cli.cli import run as runner
from m6rec_cli.cli.durations import parse_duration
from m6rec_cli.cli.outcome import Outcome
from m6rec_cli.system.errors import UsageError
from m6rec_cli.system.process_setup import ProcessFlags
from m6rec_cli.system.progress import Reporter


def pretrain(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA…",
            help="Data directories written by `m6rec preprocess`; several have to share their "
            "fitted features (`--like`).",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="Run directory to write.")],
    refit: Annotated[
        Path | None,
        typer.Option(
            "--refit",
            metavar="RUN",
            help="Repeat the training of RUN, with its settings and as many epochs as its best "
            "one, on training and validation events together, as for production.",
        ),
    ] = None,
    resume: options.Resume = False,
    max_time: options.MaxTime = None,
    preset: options.Preset = None,
    config_file: options.ConfigFile = None,
    sets: options.Set = None,
    overwrite: options.Overwrite = False,
    profile: options.Profile = None,
    tensorboard: options.Tensorboard = None,
    coordinator: options.Coordinator = None,
    num_processes: options.NumProcesses = None,
    process_id: options.ProcessId = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    log_format: options.LogFormat = "auto",
    no_compile_cache: options.NoCompileCache = False,
    debug: options.Debug = False,
) -> None:
    """Pre-train encoder and decoder on all events, without labels."""

    def work(report: Reporter) -> Outcome:
        max_seconds = parse_duration(max_time, "--max-time")
        from m6rec_cli.config.resolve import resolve
        from m6rec_cli.stages import pretrain as stage

        if refit is not None and (preset or config_file or sets):
            raise UsageError(
                "`--refit` takes the settings of its run",
                hint="leave out `--preset`, `--config` and `--set`",
            )
        config = (
            stage.refit_config(refit)
            if refit
            else resolve(
                "pretrain", preset=preset, file=config_file, sets=sets or (), command="pretrain"
            )
        )
        summary = stage.run(
            config,
            data[0],
            out,
            report,
            other_domains=data[1:],
            refit_of=refit,
            resume=resume,
            overwrite=overwrite,
            profile=profile,
            tensorboard=tensorboard,
            max_seconds=max_seconds,
        )
        return outcome.trained(summary)

    processes = ProcessFlags(coordinator, num_processes, process_id)
    runner.run_stage(
        work,
        begins_with="loading jax",
        as_json=as_json,
        quiet=quiet,
        log_format=log_format,
        debug=debug,
        processes=processes,
        compile_cache=not no_compile_cache,
    )
