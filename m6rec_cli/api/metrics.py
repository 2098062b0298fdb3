"""The epochs of runs as one table."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import polars as pl

from m6rec_cli.api.calls import PathName
from m6rec_cli.inspection.epochs import epoch_rows
from m6rec_cli.inspection.inspector import inspect
from m6rec_cli.system.errors import M6RecError

_FIRST = ("run", "seed", "stage", "epoch")


def metrics(runs: PathName | Sequence[PathName]) -> pl.DataFrame:
    """The figures of each epoch of one or several runs, finished or not.

    >>> table = m6rec_cli.metrics(["run", "run"])
    >>> table.columns[:4]
    ['run', 'seed', 'stage', 'epoch']
    >>> table["ndcg@10"].max() > 0.2
    True

    Returns:
        A row an epoch: `run`, `seed`, `stage`, `epoch`, and the other keys of `metrics.jsonl`, null
        where a run does not have one.

    Raises:
        M6RecError: A path is no run, or its log is damaged.
    """
    names = [runs] if isinstance(runs, str | PathLike) else runs
    found = [inspect(Path(name)) for name in names]
    for one in found:
        if one.kind != "run":
            raise M6RecError(
                f"this is {one.what}, not a run",
                where=one.path,
                hint="name the `out` of `pretrain` or `finetune`",
            )
    frame = pl.from_dicts(epoch_rows(found), infer_schema_length=None) if found else pl.DataFrame()
    first = [name for name in _FIRST if name in frame.columns]
    return frame.select(*first, *(name for name in frame.columns if name not in first))
