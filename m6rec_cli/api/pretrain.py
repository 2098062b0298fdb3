"""`m6rec pretrain` as a function: its options by name, `settings` for `--set`."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from m6rec_cli.api.calls import (
    PathName,
    Settings,
    as_sets,
    optional_path,
    reporting,
)
from m6rec_cli.config import resolve as configuration
from m6rec_cli.stages import pretrain as pretrain_stage
from m6rec_cli.system.errors import UsageError
from m6rec_cli.system.progress import Summary


def pretrain(
    data: PathName | Sequence[PathName],
    *,
    out: PathName,
    refit: PathName | None = None,
    preset: str | None = None,
    settings: Settings | None = None,
    config: PathName | None = None,
    resume: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
) -> Summary:
    """Pre-train encoder and decoder on all events of one or more data directories.

    >>> run = m6rec_cli.pretrain("data", out="first", preset="tiny",
    ...                          settings={"train.epochs": 1}, quiet=True)
    >>> run["stage"], run["epochs"], 0 <= run["best"]["ndcg@10"] <= 1
    ('pretrain', 1, True)

    Raises:
        M6RecError: What `m6rec pretrain` would end with.
    """
    if refit is not None and (preset or config or settings):
        raise UsageError(
            "`refit` takes the settings of its run",
            hint="leave out `preset`, `config` and `settings`",
        )
    first, *others = [data] if isinstance(data, str | PathLike) else data
    resolved = (
        configuration.resolve(
            "pretrain",
            preset=preset,
            file=optional_path(config),
            sets=as_sets(settings),
            command="pretrain",
        )
        if refit is None
        else pretrain_stage.refit_config(Path(refit))
    )
    with reporting(quiet=quiet) as report:
        return pretrain_stage.run(
            resolved,
            Path(first),
            Path(out),
            report,
            other_domains=list(map(Path, others)),
            refit_of=optional_path(refit),
            resume=resume,
            overwrite=overwrite,
        )
