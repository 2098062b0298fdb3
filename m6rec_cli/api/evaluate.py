"""`m6rec evaluate` as a function: its options by name, `settings` for `--set`."""

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
from m6rec_cli.stages import evaluate as evaluate_stage
from m6rec_cli.system.progress import Summary


def evaluate(
    runs: PathName | Sequence[PathName] = (),
    *,
    data: PathName,
    recs: Sequence[PathName] = (),
    baselines: Sequence[str] = ("popularity", "mixture"),
    compare: Sequence[tuple[PathName, PathName]] = (),
    against: PathName | None = None,
    split: str | None = None,
    protocol: str | None = None,
    ks: Sequence[int] | None = None,
    max_users: int | None = None,
    explain: int = 0,
    out: PathName | None = None,
    settings: Settings | None = None,
    config: PathName | None = None,
    overwrite: bool = False,
    quiet: bool = False,
) -> Summary:
    """Evaluate systems on held-out events; write a report to `out`, if it is given.

    >>> figures = m6rec_cli.evaluate("run", data="data", split="valid", ks=[10], quiet=True)
    >>> list(figures["systems"]), figures["users"]
    (['run', 'popularity', 'mixture'], 60)

    Args:
        compare: Any number of pairs to test.

    Raises:
        M6RecError: What `m6rec evaluate` would end with.
    """
    flags = {
        "split": ("evaluate.split", split),
        "protocol": ("evaluate.protocol", protocol),
        "ks": ("evaluate.ks", None if ks is None else list(ks)),
        "max_users": ("evaluate.max_users", max_users),
    }
    resolved = configuration.resolve(
        command="evaluate", file=optional_path(config), sets=as_sets(settings), flags=flags
    )
    names = [runs] if isinstance(runs, str | PathLike) else runs
    request = evaluate_stage.EvaluationRequest(
        runs=list(map(str, names)),
        recs=list(map(str, recs)),
        baselines=baselines,
        compare=[(str(a), str(b)) for a, b in compare],
        against=optional_name(against),
        explain=explain,
    )
    with reporting(quiet=quiet) as report:
        return evaluate_stage.run(
            resolved, Path(data), request, optional_path(out), report, overwrite=overwrite
        )
