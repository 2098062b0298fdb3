"""`m6rec finetune`: a parent run and labelled events to a run directory."""

from pathlib import Path
from typing import Annotated

import typer

from m6rec_cli.cli import options, outcome
from m6rec_cli.cli import run as runner
from m6rec_cli.cli.durations import parse_duration
from m6rec_cli.cli.outcome import Outcome
from m6rec_cli.system.process_setup import ProcessFlags
from m6rec_cli.system.progress import Reporter


def finetune(
    data: options.Data,
    init: Annotated[
        Path, typer.Option("--init", metavar="RUN", help="Parent run whose model is fine-tuned.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="RUN2", help="Run directory to write.")],
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
    """Fine-tune on labelled events; only the generator learns unless `train.trainable` is set."""

    def work(report: Reporter) -> Outcome:
        max_seconds = parse_duration(max_time, "--max-time")
        from m6rec_cli.stages import finetune as stage

        config = stage.resolve(init, preset=preset, file=config_file, sets=sets or ())
        summary = stage.run(
            config,
            data,
            init,
            out,
            report,
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
