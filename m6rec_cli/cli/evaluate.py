"""`m6rec evaluate`: metrics and a report for runs, files of ranked lists and baselines."""

from pathlib import Path
from typing import Annotated

import typer

from m6rec_cli.cli import completion, options, outcome
from m6rec_cli.cli import run as runner
from m6rec_cli.cli.outcome import Outcome
from m6rec_cli.system import registry
from m6rec_cli.system.errors import UsageError
from m6rec_cli.system.process_setup import ProcessFlags
from m6rec_cli.system.progress import Reporter


def evaluate(
    data: Annotated[
        Path, typer.Option("--data", metavar="DATA", help="Data directory of `m6rec preprocess`.")
    ],
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN", help="Run directories of `finetune` or `pretrain`."),
    ] = None,
    recs: Annotated[
        list[str] | None,
        typer.Option(
            "--recs",
            metavar="FILE",
            help="Ranked lists of any recommender: a table with user_id, item_id and rank or "
            "score; repeatable.",
        ),
    ] = None,
    baselines: Annotated[
        str,
        typer.Option(
            "--baselines",
            metavar="NAMES",
            autocompletion=completion.baselines,
            help=f"Comma-separated: {', '.join(registry.option_names('evaluation.baselines'))}; "
            "`none` for none.",
        ),
    ] = "popularity,mixture",
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--compare",
            metavar="A B",
            help="Paired test of two systems: runs, list files or baselines.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="B",
            help="Paired test of every other system against this one; by default the best "
            "baseline. Runs that differ in their seed alone are tested as their mean.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="SPLIT",
            autocompletion=completion.choices("evaluate.split"),
            help="test, valid or cold (evaluate.split).",
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            metavar="PROTOCOL",
            autocompletion=completion.choices("evaluate.protocol"),
            help="all: one list per user for all later events; rolling: the next event, while each "
            "history grows by the events before it (evaluate.protocol).",
        ),
    ] = None,
    ks: Annotated[
        str | None,
        typer.Option("--ks", metavar="K,K", help="Cut-offs, for instance 5,10,20 (evaluate.ks)."),
    ] = None,
    max_users: Annotated[
        int | None,
        typer.Option(
            "--max-users",
            metavar="N",
            help="Evaluate a random sample of users; 0: all (evaluate.max_users).",
        ),
    ] = None,
    explain: Annotated[
        int,
        typer.Option("--explain", metavar="N", min=0, help="Explain the lists of N sample users."),
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="REPORT",
            help="Directory for report.html and report.json, or one .html or .json file.",
        ),
    ] = None,
    config_file: options.ConfigFile = None,
    sets: options.Set = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    log_format: options.LogFormat = "auto",
    no_compile_cache: options.NoCompileCache = False,
    coordinator: options.Coordinator = None,
    num_processes: options.NumProcesses = None,
    process_id: options.ProcessId = None,
    debug: options.Debug = False,
) -> None:
    """Evaluate systems on held-out events, ranking all items, and compare them with baselines."""

    def work(report: Reporter) -> Outcome:
        from m6rec_cli.config.resolve import resolve

        pairs = [] if compare is None else [_different_pair(compare)]
        flags = {
            "--split": ("evaluate.split", split),
            "--protocol": ("evaluate.protocol", protocol),
            "--max-users": ("evaluate.max_users", max_users),
            "--ks": ("evaluate.ks", None if ks is None else _parse_cutoffs(ks)),
        }
        config = resolve(command="evaluate", file=config_file, sets=sets or (), flags=flags)
        from m6rec_cli.stages import evaluate as stage

        request = stage.EvaluationRequest(
            runs=runs or (),
            recs=recs or (),
            baselines=[] if baselines == "none" else _split_names(baselines),
            compare=pairs,
            against=against,
            explain=explain,
        )
        summary = stage.run(config, data, request, out, report, overwrite=overwrite)
        return outcome.evaluated(summary, out)

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


def _split_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _different_pair(pair: tuple[str, str]) -> tuple[str, str]:
    if pair[0] == pair[1]:
        raise UsageError(f"`--compare` takes two different systems, not `{pair[0]}` twice")
    return pair


def _parse_cutoffs(text: str) -> list[int]:
    try:
        return [int(part) for part in _split_names(text)]
    except ValueError:
        raise UsageError(
            f"`--ks` takes whole numbers, not `{text}`", hint="for instance `--ks 5,10,20`"
        ) from None
