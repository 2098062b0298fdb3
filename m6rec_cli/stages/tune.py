"""Search settings of `pretrain` on validation events; test events are never looked at."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.default_space import default_space
from m6rec_cli.config.resolve import flatten
from m6rec_cli.config.search_space import Space, read_space
from m6rec_cli.config.settings import Config
from m6rec_cli.data.multi_domain import open_domains
from m6rec_cli.data.store import Dataset
from m6rec_cli.system import extras, signals
from m6rec_cli.system.errors import M6RecError, Terminated
from m6rec_cli.system.locks import waiting_lock
from m6rec_cli.system.progress import Reporter, Summary

if TYPE_CHECKING:
    from m6rec_cli.tuning.search_directory import SearchJob
    from m6rec_cli.tuning.trial_records import TrialRecord


def space_of(
    data: Path, config: Config, space_file: Path | None = None, kept: Sequence[str] = ()
) -> Space:
    """The space to search: that of a file, or the default one without the keys that are set.

    Args:
        config: The settings of trial 0.
        kept: Keys that the default space leaves out even if they have their default value.

    Raises:
        M6RecError: The file is no space, trial 0 lies outside of it, or nothing is left.
    """
    values = flatten(asdict(config))
    if space_file is None:
        usual = flatten(asdict(configuration.resolve("pretrain")))
        fixed = {*kept, *(key for key, value in values.items() if value != usual[key])}
        features = [spec.name for spec in Dataset.open(data).specs if spec.entity == "item"]
        space = default_space(features, fixed)
        if not space:
            raise M6RecError(
                "the settings fix every key of the default space, so nothing is left to search",
                hint="leave some out of `--config` and `--set`, or name keys with `--space`",
            )
        return space
    space = read_space(space_file)
    for key, dimension in space.items():
        if not dimension.holds(values[key]):
            raise M6RecError(
                f"trial 0 has the settings without a search, and `{key}` = {values[key]} is not "
                "in the space",
                where=str(space_file),
                hint=f"widen it, or give trial 0 a value in it: `--set {key}=...`",
            )
    return space


def run(
    config: Config,
    space: Space,
    data: Sequence[Path],
    out: Path,
    report: Reporter,
    *,
    seed: int = 0,
    max_seconds: float | None = None,
    max_trials: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Summary:
    """Train trials and compare them by validation NDCG@10; keep the run of the best one.

    Args:
        config: The settings of trial 0; trials change the keys of `space`.
        data: Data directories, one for each domain.
        seed: Of the proposals. Training has `train.seed`, the same in all trials.
        max_seconds: No trial begins that may not end in this time, and none trains on after it.
        max_trials: Trials of the search, by all processes that take part.
        resume: Go on with the search in `out`, or take part in it.

    Returns:
        What was found, as the guide `tune` says.

    Raises:
        M6RecError: The extra `tune` is missing, the data hold out no validation events, or `out`
            is not free or holds another search.
        Terminated: A signal arrived, or no trial was finished in time; the search can be resumed.
    """
    extras.require("tune", "a search for settings needs")
    from m6rec_cli.tuning import trial_lines
    from m6rec_cli.tuning.search import Limits, search
    from m6rec_cli.tuning.search_directory import SearchJob, open_directory
    from m6rec_cli.tuning.study import Study
    from m6rec_cli.tuning.summary import found

    started = time.monotonic()
    opened = open_domains(tuple(data))
    if not opened.manifest.counts.targets["valid"]:
        raise M6RecError(
            "the data hold out no validation events, so trials cannot be compared",
            where=str(data[0]),
            hint="use another `--split` of `m6rec preprocess`",
        )
    job = SearchJob(
        data=tuple(data),
        data_fingerprints=opened.manifest.fingerprints,
        out=out,
        config=config,
        space=space,
        seed=seed,
    )
    open_directory(job, report, resume=resume, overwrite=overwrite)
    with waiting_lock(job.study):  # only one process may create its tables
        study = Study(job.study, space, seed=seed, epochs=config.train.epochs)
    deadline = None if max_seconds is None else started + max_seconds
    try:
        search(job, study, Limits(deadline=deadline, max_trials=max_trials), report)
    except Terminated:
        report.note(_interrupted(study.best(), job))
        raise
    finally:
        records, best = study.records(), study.best()
        study.close()
    if best is None:
        report.note(_interrupted(None, job))
        raise Terminated(signals.TIME_IS_UP)
    trial_lines.report_best(best, job.default, report)
    return found(job, records, best, time.monotonic() - started)


def _interrupted(best: "TrialRecord | None", job: "SearchJob") -> str:
    """What a search has found that does not end well."""
    so_far = "no trial is finished yet"
    if best is not None:
        so_far = f"so far trial {best.number} is the best, NDCG@10 {best.ndcg:.4f} → {job.best}"
    return f"{so_far}; continue with the same command and `--resume`"
