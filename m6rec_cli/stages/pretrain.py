"""Pre-train (article 4.2.3): train encoder and decoder on all training events, without labels."""

from collections.abc import Sequence
from pathlib import Path

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.settings import Config
from m6rec_cli.system.progress import Reporter, Summary
from m6rec_cli.system.run_manifest import CONFIG, REFIT
from m6rec_cli.training.refit import read_pretrained
from m6rec_cli.training.run_directory import TrainingJob
from m6rec_cli.training.session import fit


def run(
    config: Config,
    data: Path,
    out: Path,
    report: Reporter,
    *,
    other_domains: Sequence[Path] = (),
    refit_of: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    profile: Path | None = None,
    tensorboard: Path | None = None,
    max_seconds: float | None = None,
) -> Summary:
    """Pre-train on a data directory and write a run directory.

    Args:
        other_domains: Data directories of further domains with the same feature state. The run's
            catalogue holds the items of all domains. The softmax of a target runs over the items of
            its domain, and validation averages over the domains.
        refit_of: Repeat the training of this run on training and validation events together, as for
            production: with as many epochs as its best one, its learning rates and its ranking
            weights. `config` is that of the run, from `refit_config`.

    Returns:
        The run's manifest, `run.json`.

    Raises:
        M6RecError: The directories have different feature states, or share an item id; or
            `refit_of` was trained on other data.
    """
    job = TrainingJob(
        stage=REFIT if refit_of else "pretrain",
        data=(data, *other_domains),
        out=out,
        config=config,
        resume=resume,
        overwrite=overwrite,
        refit_of=refit_of,
        profile=profile,
        tensorboard=tensorboard,
        max_seconds=max_seconds,
    )
    return fit(job, report)


def refit_config(run: Path) -> Config:
    """The configuration that repeats the training of a run, see `run`.

    Raises:
        M6RecError: The run was not pre-trained, or learned nothing.
    """
    read_pretrained(run)
    return configuration.resolve(file=run / CONFIG)
