"""The directory of a search: its question, the study, a table of the trials, the best run.

`search.json` and `space.toml` say what is searched and never change. `trials.csv`, `best.toml` and
`run/` follow from the study and are written again after each trial.
"""

import csv
import shutil
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from m6rec_cli import __version__
from m6rec_cli.config.keys import Value
from m6rec_cli.config.resolve import flatten, with_values
from m6rec_cli.config.search_space import Space, parse_space, to_toml
from m6rec_cli.config.settings import Config
from m6rec_cli.config.toml_text import to_toml as config_toml
from m6rec_cli.config.toml_text import toml_literal
from m6rec_cli.system import provenance, replacement
from m6rec_cli.system.directories import atomic_directory, atomic_file
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.locks import exclusive_lock, waiting_lock
from m6rec_cli.system.output_checks import refuse_input_as_output, refuse_nonempty
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.sealed_files import read_sealed, write_sealed
from m6rec_cli.tuning.trial_records import TrialRecord, best_of

SEARCH = "search.json"
FORMAT = 1
_HINT = "search again with another `--out`, or with `--overwrite`"


@dataclass(frozen=True, kw_only=True)
class SearchJob:
    """A search: its inputs, its question and its output.

    Attributes:
        data: Data directories, one for each domain.
        data_fingerprints: Of these, as they are now.
        out: Directory of the search.
        config: The settings of trial 0.
        space: What is searched.
        seed: Of the proposals.
    """

    data: tuple[Path, ...]
    data_fingerprints: tuple[str, ...]
    out: Path
    config: Config
    space: Space
    seed: int

    @property
    def default(self) -> dict[str, Value]:
        """The settings of trial 0."""
        values = flatten(asdict(self.config))
        return {key: values[key] for key in self.space}  # type: ignore[misc]  # values of keys

    def config_of(self, settings: Mapping[str, object]) -> Config:
        """The configuration of a trial."""
        return with_values(self.config, settings, "the trial")

    @property
    def run(self) -> Path:
        """The run of the best trial."""
        return self.out / "run"

    @property
    def best(self) -> Path:
        """The configuration of the best trial."""
        return self.out / "best.toml"

    @property
    def study(self) -> Path:
        """The file of the study; its lock also guards the other files."""
        return self.out / "study.db"

    def trial(self, number: int) -> Path:
        """The run directory of a trial that is under way."""
        return self.out / "trials" / f"{number:04}"

    def claim(self, number: int) -> Path:
        """What a process locks that is at work on a trial."""
        return self.out / "trials" / f"{number:04}.claim"


def open_directory(job: SearchJob, report: Reporter, *, resume: bool, overwrite: bool) -> None:
    """Create the directory of a search, or find the one to go on with.

    Raises:
        M6RecError: It is not free, or asks another question.
    """
    refuse_input_as_output(job.out, job.data)
    with waiting_lock(job.out):
        if resume and (job.out / SEARCH).exists():
            _require_same_question(job)
            replacement.recover(job.run.resolve())
            return
        refuse_nonempty(
            job.out,
            kind="search",
            overwrite=overwrite,
            also=", or continue with `--resume`",
        )
        if resume:
            report.note("nothing to resume: the search starts from the beginning")
        _refuse_living(job.out)
        with atomic_directory(job.out, kind="search", overwrite=overwrite, is_locked=True) as work:
            (work / "trials").mkdir()
            (work / "space.toml").write_text(to_toml(job.space), encoding="utf-8")
            write_sealed(work / SEARCH, {"format": FORMAT, **_question(job), **_origin(job)})


def _question(job: SearchJob) -> dict[str, object]:
    return {
        "data_fingerprints": list(job.data_fingerprints),
        "seed": job.seed,
        "space": to_toml(job.space),
        "config": config_toml(job.config),
    }


def _origin(job: SearchJob) -> dict[str, object]:
    versions = {"m6rec": __version__, "optuna": version("optuna"), "jax": version("jax")}
    return {
        "data": list(map(str, job.data)),
        "versions": versions,
        **asdict(provenance.current()),
    }


def _refuse_living(out: Path) -> None:
    """Raise if a process is at work on a trial of the directory to replace."""
    for lock in (out / "trials").glob(".*.claim.lock"):
        with exclusive_lock(lock.parent / lock.name.removeprefix(".").removesuffix(".lock")):
            pass


def _require_same_question(job: SearchJob) -> None:
    path = job.out / SEARCH
    before = read_sealed(
        path,
        "the question of the search",
        owner="the search",
        version=FORMAT,
        old_hint=_HINT,
        hint=_HINT,
    )
    now = _question(job)
    if before["data_fingerprints"] != now["data_fingerprints"]:
        raise M6RecError("the search to resume is on other data", where=str(path), hint=_HINT)
    if before["seed"] != now["seed"]:
        raise M6RecError(
            f"the search to resume has `--seed {before['seed']}`", where=str(path), hint=_HINT
        )
    if (key := _differing_key(before, now)) is not None:
        raise M6RecError(
            f"the search to resume has other settings: `{key}` differs",
            where=str(path),
            hint="pass the same `--preset`, `--config`, `--set` and `--space`, or search again "
            "with another `--out`",
        )


def _differing_key(before: Mapping[str, str], now: Mapping[str, object]) -> str | None:
    """The first key whose default or whose choices differ."""
    texts = [(str(tree["space"]), str(tree["config"])) for tree in (before, now)]
    (old_space, old_config), (new_space, new_config) = texts
    spaces = parse_space(old_space, SEARCH), parse_space(new_space, SEARCH)
    configs = flatten(tomllib.loads(old_config)), flatten(tomllib.loads(new_config))
    for old, new in (spaces, configs):
        for key in [*old, *new]:
            if old.get(key) != new.get(key):
                return key
    return None


def write_results(job: SearchJob, records: list[TrialRecord]) -> None:
    """Write `trials.csv` and `best.toml`, and remove the directories of trials that ended."""
    keys = list(job.space)
    with (
        atomic_file(job.out / "trials.csv", overwrite=True) as work,
        work.open("w", newline="", encoding="utf-8") as file,
    ):
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["trial", "state", "ndcg@10", "epochs", "best_epoch", "seconds", *keys])
        for record in records:
            ndcg = "" if record.ndcg is None else repr(record.ndcg)
            figures = [record.epochs, record.best_epoch, round(record.seconds, 2)]
            values = [toml_literal(record.settings[key]) for key in keys]
            out.writerow([record.number, record.state, ndcg, *figures, *values])
        file.flush()
    best = best_of(records)
    if best is not None:
        with atomic_file(job.best, overwrite=True) as work:
            work.write_text(config_toml(job.config_of(best.settings)), encoding="utf-8")
    for record in records:
        if record.state != "unfinished":
            with suppress(FileNotFoundError):
                shutil.rmtree(job.trial(record.number))
