"""`m6rec tune`: a data directory to the best settings of `pretrain` that a search finds."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from m6rec_cli.cli import options, outcome
from m6rec_cli.cli import run as runner
from m6rec_cli.cli.outcome import Outcome
from m6rec_cli.system.errors import UsageError
from m6rec_cli.system.progress import Reporter


def tune(
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA…", help="Data directories, as `m6rec pretrain` takes them."),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="SEARCH", help="Directory to write.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes",
            metavar="N",
            help="Begin no trial that may not end within N minutes of the start.",
        ),
    ] = None,
    max_trials: Annotated[
        int | None,
        typer.Option(
            "--max-trials",
            metavar="N",
            help="Number of trials of the search, by all processes together.",
        ),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(
            "--space",
            metavar="FILE",
            help="TOML file of the keys to search, each with its choices or its range.",
        ),
    ] = None,
    show_space: Annotated[
        bool,
        typer.Option("--show-space", help="Print the space as such a file, and search nothing."),
    ] = False,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Seed of the proposed settings.")
    ] = 0,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue the search of the same command, or take part in it while another "
            "process is at work.",
        ),
    ] = False,
    preset: options.Preset = None,
    config_file: options.ConfigFile = None,
    sets: options.Set = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    log_format: options.LogFormat = "auto",
    no_compile_cache: options.NoCompileCache = False,
    debug: options.Debug = False,
) -> None:
    """Search for better settings of `m6rec pretrain`, compared on validation events."""

    def work(report: Reporter) -> Outcome:
        from m6rec_cli.config.resolve import resolve
        from m6rec_cli.stages import tune as stage

        config = resolve(
            "pretrain", preset=preset, file=config_file, sets=sets or (), command="pretrain"
        )
        kept = [text.partition("=")[0].strip() for text in sets or ()]
        chosen = stage.space_of(data[0], config, space, kept)
        if show_space:
            from m6rec_cli.config.search_space import to_toml

            report.close()
            sys.stdout.write(to_toml(chosen))
            return outcome.SPACE_SHOWN
        if out is None:
            raise UsageError("`--out` is missing", hint="name the directory to write")
        if minutes is None and max_trials is None:
            raise UsageError(
                "the search has no end", hint="give `--minutes` or `--max-trials`, or both"
            )
        for flag, limit in (("--minutes", minutes), ("--max-trials", max_trials)):
            if limit is not None and not limit > 0:
                raise UsageError(f"`{flag}` is above 0, not {limit}")
        summary = stage.run(
            config,
            chosen,
            data,
            out,
            report,
            seed=seed,
            max_seconds=None if minutes is None else 60 * minutes,
            max_trials=max_trials,
            resume=resume,
            overwrite=overwrite,
        )
        return outcome.tuned(summary)

    runner.run_stage(
        work,
        begins_with=None if show_space else "loading jax and optuna",
        as_json=as_json,
        quiet=quiet,
        log_format=log_format,
        debug=debug,
        compile_cache=not no_compile_cache,
    )
