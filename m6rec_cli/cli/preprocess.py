"""`m6rec preprocess`: raw tables to a data directory."""

from pathlib import Path
from typing import Annotated

import typer

from m6rec_cli.cli import completion, options, outcome, run
from m6rec_cli.cli.outcome import Outcome
from m6rec_cli.system.progress import Reporter


def preprocess(
    interactions: Annotated[
        list[str],
        typer.Option(
            "--interactions",
            metavar="FILE",
            help="Event log: CSV, TSV, JSON, Parquet, Arrow or RecBole; a glob in quotes, or - for "
            "standard input. Repeat it for several files. Also databases, spreadsheets and cloud "
            "storage: `m6rec guide own-data`.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Data directory to write.")
    ] = None,
    items: Annotated[
        str | None, typer.Option("--items", metavar="FILE", help="Item table, the catalogue.")
    ] = None,
    users: Annotated[
        str | None, typer.Option("--users", metavar="FILE", help="User table with profiles.")
    ] = None,
    media: Annotated[
        Path | None,
        typer.Option(
            "--media",
            metavar="DIR",
            help="Folder of the pictures, sounds and videos; by default the item table's folder.",
        ),
    ] = None,
    items_from_interactions: Annotated[
        bool,
        typer.Option(
            "--items-from-interactions",
            help="Build the catalogue from the item columns of the event log.",
        ),
    ] = False,
    no_header: Annotated[
        bool,
        typer.Option(
            "--no-header", help="Text tables have no header line: columns are 1, 2 and so on."
        ),
    ] = False,
    schema: Annotated[
        Path | None,
        typer.Option(
            "--schema",
            metavar="FILE",
            help="Schema file: column roles and feature kinds; `--dry-run` prints one.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="ROLE=COLUMN,…",
            help="Columns of the log: `user=buyer,item=sku`; the rest is inferred.",
        ),
    ] = None,
    no_time: Annotated[
        bool,
        typer.Option("--no-time", help="Events are in file order; no column is their time."),
    ] = False,
    schema_out: Annotated[
        Path | None,
        typer.Option(
            "--schema-out", metavar="FILE", help="Write the inferred schema to FILE and stop."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the inferred schema as TOML and stop.")
    ] = False,
    like: Annotated[
        Path | None,
        typer.Option(
            "--like",
            metavar="DIR",
            help="Reuse the fitted features of a data directory or run directory.",
        ),
    ] = None,
    fit_with: Annotated[
        list[str] | None,
        typer.Option(
            "--fit-with",
            metavar="FILE",
            help="Item table of another shop: columns of the same name and kind as those of "
            "--items are fitted on both. Repeat it for several; they then take `--like DIR`.",
        ),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(
            "--positive",
            metavar="EXPR",
            help="Expression that labels events: 'rating >= 4', 'event == \"buy\"'.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="KIND",
            autocompletion=completion.choices("data.split"),
            help="leave-one-out, temporal, ratio or none (data.split).",
        ),
    ] = None,
    min_user_events: Annotated[
        int | None,
        typer.Option(
            "--min-user-events",
            metavar="N",
            help="Drop users with fewer events (data.min_user_events).",
        ),
    ] = None,
    min_item_events: Annotated[
        int | None,
        typer.Option(
            "--min-item-events",
            metavar="N",
            help="Drop items with fewer events (data.min_item_events).",
        ),
    ] = None,
    unknown_items: Annotated[
        str | None,
        typer.Option(
            "--unknown-items",
            metavar="WHAT",
            autocompletion=completion.choices("data.unknown_items"),
            help="What to do with events whose item is not in the catalogue: error or drop "
            "(data.unknown_items).",
        ),
    ] = None,
    unknown_users: Annotated[
        str | None,
        typer.Option(
            "--unknown-users",
            metavar="WHAT",
            autocompletion=completion.choices("data.unknown_users"),
            help="What to do with events whose user has no profile: keep, drop or error "
            "(data.unknown_users).",
        ),
    ] = None,
    accept_losses: Annotated[
        bool, typer.Option("--yes", help="Accept losses of events that are refused otherwise.")
    ] = False,
    config_file: options.ConfigFile = None,
    sets: options.Set = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    log_format: options.LogFormat = "auto",
    debug: options.Debug = False,
) -> None:
    """Clean, encode and split raw tables into a data directory."""
    flags = {
        "--split": ("data.split", split),
        "--min-user-events": ("data.min_user_events", min_user_events),
        "--min-item-events": ("data.min_item_events", min_item_events),
        "--unknown-items": ("data.unknown_items", unknown_items),
        "--unknown-users": ("data.unknown_users", unknown_users),
        "--yes": ("data.max_unknown_share", 1.0 if accept_losses else None),
    }

    def work(report: Reporter) -> Outcome:
        from m6rec_cli.config import resolve as configuration
        from m6rec_cli.preprocessing import local_copies
        from m6rec_cli.preprocessing.columns.missing_roles import MissingRole
        from m6rec_cli.stages import preprocess as stage
        from m6rec_cli.system.errors import UsageError

        config = configuration.resolve(
            command="preprocess", file=config_file, sets=sets or (), flags=flags
        )
        with local_copies.local_tables(
            interactions, items, users, report, fit_with=fit_with or ()
        ) as local:
            inputs = stage.PreprocessInputs(
                interactions=local.interactions[0],
                more_interactions=local.interactions[1:],
                items=local.items,
                users=local.users,
                media=media,
                schema=schema,
                like=like,
                positive=positive,
                items_from_interactions=items_from_interactions,
                no_header=no_header,
                columns=columns,
                no_time=no_time,
                fit_with=local.fit_with,
            )
            if schema_out is not None:
                if out is not None:
                    raise UsageError(
                        "`--schema-out` writes the schema and stops, so it excludes `--out`",
                        hint="then run the command with `--schema FILE` and `--out DIR`",
                    )
                stage.write_schema(config, inputs, schema_out, report, overwrite=overwrite)
                return outcome.schema_written(schema_out)
            if dry_run:
                try:
                    text = stage.dry_run(config, inputs, report)
                except MissingRole as error:
                    report.close()
                    print(error.schema_text or "", end="")
                    raise
                report.close()  # so that the terminal breaks no line of the TOML
                print(text, end="")
                return outcome.SCHEMA_SHOWN
            if out is None:
                raise UsageError(
                    "`--out` is missing",
                    hint="name the data directory to write, or pass `--dry-run`",
                )
            summary = stage.run(config, inputs, out, report, overwrite=overwrite)
            return outcome.preprocessed(summary)

    run.run_stage(
        work,
        begins_with="reading the tables",
        as_json=as_json,
        quiet=quiet,
        log_format=log_format,
        debug=debug,
    )
