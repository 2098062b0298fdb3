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
    resume: bool = False,
    overwrite: bool = False,
    profile: Path | None = None,
    max_seconds: float | None = None,
) -> Summary:
    """Pre-train on a data directory and write a run directory.

    Args:
        other_domains: Data directories of further domains with the same feature state. The run's
            catalogue holds the items of all domains, the softmax runs over all of them, and
            validation averages over the domains.

    Returns:
        The run's manifest, `run.json`.

    Raises:
        M6RecError: The directories have different feature states, or share an item id.
    """
    job = TrainingJob(
        stage="pretrain",
        data=(data, *other_domains),
        out=out,
        config=config,
        resume=resume,
        overwrite=overwrite,
        profile=profile,
        max_seconds=max_seconds,
    )
    return fit(job, report)


def refit(
    run: Path,
    data: Path,
    out: Path,
    report: Reporter,
    *,
    other_domains: Sequence[Path] = (),
    resume: bool = False,
    overwrite: bool = False,
    profile: Path | None = None,
    max_seconds: float | None = None,
) -> Summary:
    """Repeat a pre-training on training and validation events together, as for production.

    The settings are those of `run`, and so are the number of epochs (of its best one), the schedule
    of the learning rate and the ranking weights.

    Returns:
        The run's manifest, `run.json`.

    Raises:
        M6RecError: `run` was not pre-trained, learned nothing, or was trained on other data.
    """
    read_pretrained(run)
    job = TrainingJob(
        stage=REFIT,
        data=(data, *other_domains),
        out=out,
        config=configuration.resolve(file=run / CONFIG),
        resume=resume,
        overwrite=overwrite,
        refit_of=run,
        profile=profile,
        max_seconds=max_seconds,
    )
    return fit(job, report)
