"""`m6rec preprocess` as a function: its options by name, `settings` for `--set`."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from m6rec_cli.api.calls import (
    PathName,
    Settings,
    as_sets,
    optional_name,
    optional_path,
    reporting,
)
from m6rec_cli.config import resolve as configuration
from m6rec_cli.preprocessing import local_copies
from m6rec_cli.preprocessing.inputs import PreprocessInputs
from m6rec_cli.stages import preprocess as preprocess_stage
from m6rec_cli.system.progress import Summary


def preprocess(
    interactions: PathName | Sequence[PathName],
    *,
    out: PathName,
    items: PathName | None = None,
    users: PathName | None = None,
    media: PathName | None = None,
    items_from_interactions: bool = False,
    no_header: bool = False,
    schema: PathName | None = None,
    columns: str | None = None,
    no_time: bool = False,
    like: PathName | None = None,
    fit_with: PathName | Sequence[PathName] = (),
    positive: str | None = None,
    split: str | None = None,
    settings: Settings | None = None,
    config: PathName | None = None,
    overwrite: bool = False,
    quiet: bool = False,
) -> Summary:
    """Clean, encode and split raw tables into a data directory.

    >>> made = m6rec_cli.preprocess("events.csv", items="items.csv", users="users.csv",
    ...                             positive="event == 'buy'", out="data2", quiet=True)
    >>> made["counts"]["users"], made["counts"]["items"]
    (65, 40)

    Raises:
        M6RecError: What `m6rec preprocess` would end with.
    """
    logs = [interactions] if isinstance(interactions, str | PathLike) else interactions
    others = [fit_with] if isinstance(fit_with, str | PathLike) else fit_with
    resolved = configuration.resolve(
        command="preprocess",
        file=optional_path(config),
        sets=as_sets(settings),
        flags={"split": ("data.split", split)},
    )
    with (
        reporting(quiet=quiet) as report,
        local_copies.local_tables(
            list(map(str, logs)),
            optional_name(items),
            optional_name(users),
            report,
            fit_with=list(map(str, others)),
        ) as local,
    ):
        inputs = PreprocessInputs(
            interactions=local.interactions[0],
            more_interactions=local.interactions[1:],
            items=local.items,
            users=local.users,
            media=optional_path(media),
            schema=optional_path(schema),
            like=optional_path(like),
            positive=positive,
            items_from_interactions=items_from_interactions,
            no_header=no_header,
            columns=columns,
            no_time=no_time,
            fit_with=local.fit_with,
        )
        return preprocess_stage.run(resolved, inputs, Path(out), report, overwrite=overwrite)
