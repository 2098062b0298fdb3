"""`m6rec export`: a finished run to vectors and a function that servers read without m6rec."""

from pathlib import Path
from typing import Annotated

import typer

from m6rec_cli.cli import options, outcome
from m6rec_cli.cli import run as runner
from m6rec_cli.cli.outcome import Outcome
from m6rec_cli.inference.request import ListFilters, RecommendRequest, UserSource
from m6rec_cli.system.progress import Reporter


def export(
    run: options.Run,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Directory to write.")],
    data: options.UsersData = None,
    before: options.HistoryEnd = "all",
    interactions: options.RawEvents = None,
    profiles: Annotated[
        str | None,
        typer.Option(
            "--users",
            metavar="FILE",
            help="Raw user table with profiles; its users get vectors without any event, too.",
        ),
    ] = None,
    items: Annotated[
        str | None,
        typer.Option(
            "--items",
            metavar="FILE",
            help="Raw item table; its new items get vectors from their content.",
        ),
    ] = None,
    media: options.RawMedia = None,
    user_ids: Annotated[
        str | None,
        typer.Option(
            "--user-ids",
            metavar="FILE",
            help="Users who get vectors: ids, one per line; `-` reads stdin. Default: all users.",
        ),
    ] = None,
    config_file: options.ConfigFile = None,
    sets: options.Set = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    log_format: options.LogFormat = "auto",
    no_compile_cache: options.NoCompileCache = False,
    debug: options.Debug = False,
) -> None:
    """Export vectors of items and users, the model as StableHLO, and the item graphs."""

    def work(report: Reporter) -> Outcome:
        from m6rec_cli.config.resolve import resolve

        request = RecommendRequest(
            run=run,
            users=UserSource(
                data=data,
                before=before,
                interactions=Path(interactions) if interactions else None,
                profiles=Path(profiles) if profiles else None,
            ),
            items=Path(items) if items else None,
            media=media,
            filters=ListFilters(user_ids=user_ids),
        )
        config = resolve(command="export", file=config_file, sets=sets or ())
        from m6rec_cli.preprocessing import local_copies
        from m6rec_cli.stages import export as stage

        logs = [interactions] if interactions else []
        with local_copies.local_tables(logs, items, profiles, report) as local:
            request = request.with_tables(local.interactions, local.items, local.users)
            summary = stage.run(config, request, out, report, overwrite=overwrite)
        return outcome.exported(summary)

    runner.run_stage(
        work,
        begins_with="loading jax",
        as_json=as_json,
        quiet=quiet,
        log_format=log_format,
        debug=debug,
        compile_cache=not no_compile_cache,
    )
