"""`m6rec recommend`: a finished run and users to ranked lists."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from m6rec_cli.cli import options, outcome, shown_lists
from m6rec_cli.cli import run as runner
from m6rec_cli.cli.outcome import Outcome
from m6rec_cli.inference.request import ListFilters, RecommendRequest, UserSource
from m6rec_cli.system.process_setup import ProcessFlags
from m6rec_cli.system.progress import Reporter


def recommend(
    run: options.Run,
    out: Annotated[
        str,
        typer.Option(
            "--out",
            metavar="FILE",
            help=".parquet, .csv or .jsonl; `-` writes JSON lines to a pipe and a table to a "
            "terminal.",
        ),
    ],
    data: options.UsersData = None,
    before: options.HistoryEnd = "all",
    interactions: options.RawEvents = None,
    profiles: Annotated[
        str | None,
        typer.Option(
            "--users",
            metavar="FILE",
            help="Raw user table with profiles; its users get lists without any event, too.",
        ),
    ] = None,
    items: Annotated[
        str | None,
        typer.Option(
            "--items",
            metavar="FILE",
            help="Raw item table; its new items are scored from their content.",
        ),
    ] = None,
    media: options.RawMedia = None,
    user_ids: Annotated[
        str | None,
        typer.Option(
            "--user-ids",
            metavar="FILE",
            help="Users who get lists: ids, one per line; `-` reads stdin. Default: all users.",
        ),
    ] = None,
    k: Annotated[
        int | None, typer.Option("-k", metavar="N", help="Length of a list (recommend.k).")
    ] = None,
    noise_draws: Annotated[
        int | None,
        typer.Option(
            "--draws",
            metavar="S",
            help="Noise draws to average over (recommend.noise_draws).",
        ),
    ] = None,
    keep_seen: Annotated[
        bool, typer.Option("--keep-seen", help="List seen items, too (recommend.seen).")
    ] = False,
    allow: Annotated[
        Path | None,
        typer.Option("--allow", metavar="FILE", help="List only these item ids, one per line."),
    ] = None,
    deny: Annotated[
        Path | None,
        typer.Option("--deny", metavar="FILE", help="Never list these item ids, one per line."),
    ] = None,
    max_per_category: Annotated[
        int | None,
        typer.Option(
            "--max-per-category",
            metavar="N",
            help="List at most N items of one category; 0: no limit (recommend.max_per_category).",
        ),
    ] = None,
    category: Annotated[
        str | None,
        typer.Option(
            "--category",
            metavar="NAME",
            help="Item feature that `--max-per-category` counts by; by default the first "
            "categorical one.",
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            metavar="DIR",
            help="Store every user's decoder state in DIR; the next `--interactions` needs newer "
            "events only.",
        ),
    ] = None,
    changed: Annotated[
        bool,
        typer.Option("--changed", help="Make lists only for users whose `--state` changed."),
    ] = False,
    titles: Annotated[
        bool, typer.Option("--titles", help="Add a column with the items' readable names.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Add the history events and item features that each score rests on.",
        ),
    ] = False,
    escape_formulas: Annotated[
        bool,
        typer.Option(
            "--escape-formulas",
            help="In a .csv, begin cells that a spreadsheet would take for a formula (= + - @) "
            "with an apostrophe.",
        ),
    ] = False,
    config_file: options.ConfigFile = None,
    sets: options.Set = None,
    overwrite: options.Overwrite = False,
    coordinator: options.Coordinator = None,
    num_processes: options.NumProcesses = None,
    process_id: options.ProcessId = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    log_format: options.LogFormat = "auto",
    no_compile_cache: options.NoCompileCache = False,
    debug: options.Debug = False,
) -> None:
    """Recommend items to users: ranked lists with scores and what each list rests on."""

    def work(report: Reporter) -> Outcome:
        from m6rec_cli.config.resolve import resolve

        # A person reads a table with titles, a program JSON lines.
        shows = out == "-" and sys.stdout.isatty() and not as_json
        request = RecommendRequest(
            run=run,
            users=UserSource(
                data=data,
                before=before,
                interactions=Path(interactions) if interactions else None,
                profiles=Path(profiles) if profiles else None,
                state=state,
            ),
            items=Path(items) if items else None,
            media=media,
            filters=ListFilters(
                user_ids=user_ids, changed=changed, allow=allow, deny=deny, category=category
            ),
            titles=titles or shows,
            explain=explain,
            escape_formulas=escape_formulas,
        )
        flags = {
            "-k": ("recommend.k", k),
            "--draws": ("recommend.noise_draws", noise_draws),
            "--max-per-category": ("recommend.max_per_category", max_per_category),
            "--keep-seen": ("recommend.seen", "keep" if keep_seen else None),
        }
        config = resolve(command="recommend", file=config_file, sets=sets or (), flags=flags)
        from m6rec_cli.preprocessing import local_copies
        from m6rec_cli.stages import recommend as stage

        logs = [interactions] if interactions else []
        with local_copies.local_tables(logs, items, profiles, report) as local:
            request = request.with_tables(local.interactions, local.items, local.users)
            summary = stage.run(
                config,
                request,
                out,
                report,
                overwrite=overwrite,
                show=shown_lists.show if shows else None,
            )
        return outcome.recommended(summary, data, before)

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
