"""`m6rec recommend`: a finished run and users to ranked lists."""

from pathlib import Path
from typing import Annotated

import typer

from m6rec_cli.cli import options
from m6rec_cli.cli import run as runner
from m6rec_cli.system.errors import UsageError
from m6rec_cli.system.process_group import ProcessFlags
from m6rec_cli.system.progress import Reporter, Summary

BEFORE = ("all", "test", "valid", "cold")


def recommend(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Run directory of `m6rec finetune` or `pretrain`.")
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out", metavar="FILE", help=".parquet, .csv or .jsonl; `-` writes CSV to stdout."
        ),
    ],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DATA", help="Data directory with the users.")
    ] = None,
    before: Annotated[
        str,
        typer.Option(
            "--before",
            metavar="SPLIT",
            help="End each history before its `test`, `valid` or `cold` events; `all` ends it nowhere.",
        ),
    ] = "all",
    interactions: Annotated[
        Path | None,
        typer.Option("--interactions", metavar="FILE", help="Raw events instead of `--data`."),
    ] = None,
    profiles: Annotated[
        Path | None,
        typer.Option(
            "--users",
            metavar="FILE",
            help="Raw user table; users with a profile alone get lists too.",
        ),
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option(
            "--items",
            metavar="FILE",
            help="Raw item table; items that the run does not know are scored from their content.",
        ),
    ] = None,
    media: Annotated[
        Path | None,
        typer.Option(
            "--media",
            metavar="DIR",
            help="Folder of the pictures, sounds and videos of `--items` and `--users`; else beside each table.",
        ),
    ] = None,
    users: Annotated[
        str | None,
        typer.Option(
            "--user-ids",
            metavar="FILE",
            help="User ids, one a line; `-` reads stdin. Default: all.",
        ),
    ] = None,
    k: Annotated[
        int | None, typer.Option("-k", metavar="N", help="Items in a list (recommend.k).")
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option("--draws", metavar="S", help="Noise draws (recommend.noise_draws)."),
    ] = None,
    keep_seen: Annotated[
        bool, typer.Option("--keep-seen", help="Also list items that the user has seen.")
    ] = False,
    allow: Annotated[
        Path | None,
        typer.Option("--allow", metavar="FILE", help="Only these item ids, one a line."),
    ] = None,
    deny: Annotated[
        Path | None,
        typer.Option("--deny", metavar="FILE", help="Never these item ids, one a line."),
    ] = None,
    max_per_category: Annotated[
        int | None,
        typer.Option(
            "--max-per-category", metavar="N", help="Items of one category in a list at the most."
        ),
    ] = None,
    category: Annotated[
        str | None,
        typer.Option(
            "--category", metavar="NAME", help="The feature that `--max-per-category` counts by."
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            metavar="DIR",
            help="Keep what was read of every user in DIR; `--interactions` needs newer events only.",
        ),
    ] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Lists only for users whose `--state` changed.")
    ] = False,
    titles: Annotated[
        bool, typer.Option("--titles", help="Add a column with readable names.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Add the events of the history and the parts of the item that carried each score.",
        ),
    ] = False,
    config_file: options.ConfigFile = None,
    sets: options.Set = None,
    overwrite: options.Overwrite = False,
    coordinator: options.Coordinator = None,
    num_processes: options.NumProcesses = None,
    process_id: options.ProcessId = None,
    quiet: options.Quiet = False,
    log_format: options.LogFormat = "auto",
    no_compile_cache: options.NoCompileCache = False,
    debug: options.Debug = False,
) -> None:
    """Recommend items to users: ranked lists with a score and what each list rests on."""

    def work(report: Reporter) -> Summary | None:
        from m6rec_cli.config.resolve import resolve

        raw = interactions is not None or profiles is not None
        if state is not None and data is not None:
            raise UsageError(
                "`--state` reads raw events, not `--data`", hint="pass `--interactions`"
            )
        if state is None and (data is not None) == raw:
            raise UsageError(
                "name the users by `--data`, or by `--interactions` and `--users`",
                hint="one of the two ways",
            )
        if before not in BEFORE:
            raise UsageError(f"`--before` cannot be `{before}`", hint="all, test, valid or cold")
        if before != "all" and data is None:
            raise UsageError("`--before` needs `--data`: raw events have no held-out part")
        flags = {
            "-k": ("recommend.k", k),
            "--draws": ("recommend.noise_draws", draws),
            "--max-per-category": ("recommend.max_per_category", max_per_category),
            "--keep-seen": ("recommend.seen", "keep" if keep_seen else None),
        }
        config = resolve(command="recommend", file=config_file, sets=sets or (), flags=flags)
        from m6rec_cli.stages import recommend as stage

        inputs = stage.Inputs(
            run,
            data,
            before,
            interactions,
            items,
            profiles,
            media,
            users,
            allow,
            deny,
            category,
            titles,
            state,
            changed,
            explain,
        )
        return stage.run(config, inputs, out, report, overwrite=overwrite)

    processes = ProcessFlags(coordinator, num_processes, process_id)
    runner.stage(
        work,
        quiet=quiet,
        log_format=log_format,
        debug=debug,
        processes=processes,
        compile_cache=not no_compile_cache,
    )
