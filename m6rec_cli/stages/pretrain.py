"""Pre-training (article 4.2.3): encoder and decoder learn from every training event, without labels."""

from pathlib import Path

from m6rec_cli.config import Config
from m6rec_cli.report import Reporter, Summary
from m6rec_cli.training.session import Request, fit


def run(
    config: Config, data: Path, out: Path, report: Reporter, *, resume: bool = False, overwrite: bool = False
) -> Summary:
    """Pre-train on a data directory and write a run directory.

    Returns:
        The run's manifest, `run.json`.
    """
    return fit(Request("pretrain", data, out, config, resume, overwrite), report, labels=False)
