"""Pre-training (article 4.2.3): encoder and decoder learn from every training event, without labels."""

from collections.abc import Sequence
from pathlib import Path

from m6rec_cli.config.settings import Config
from m6rec_cli.system.progress import Reporter, Summary
from m6rec_cli.training.run_directory import TrainingJob
from m6rec_cli.training.session import fit


def run(
    config: Config,
    data: Path,
    out: Path,
    report: Reporter,
    *,
    also: Sequence[Path] = (),
    resume: bool = False,
    overwrite: bool = False,
    profile: Path | None = None,
) -> Summary:
    """Pre-train on a data directory and write a run directory.

    Args:
        also: Data directories of other domains that share its feature state. The catalogue of the run holds the
            items of all, every one an alternative in the softmax, and validation is the mean over the domains.

    Returns:
        The run's manifest, `run.json`.

    Raises:
        M6RecError: The directories do not share one feature state, or an item id stands in two of them.
    """
    request = TrainingJob(
        "pretrain", data, out, config, resume, overwrite, also=tuple(also), profile=profile
    )
    return fit(request, report, labels=False)
