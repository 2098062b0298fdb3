"""Fine-tune (article 4.2.3): train a run's model, by default its generator, on labelled events."""

from collections.abc import Iterable
from pathlib import Path

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.settings import Config
from m6rec_cli.system.progress import Reporter, Summary
from m6rec_cli.system.run_manifest import CONFIG, read_run
from m6rec_cli.training.run_directory import TrainingJob
from m6rec_cli.training.session import fit


def resolve(parent: Path, *, preset: str | None, file: Path | None, sets: Iterable[str]) -> Config:
    """The configuration of fine-tuning: the parent's `model` section, then the usual layers."""
    read_run(parent)
    base = configuration.section_values(configuration.resolve(file=parent / CONFIG), "model")
    return configuration.resolve(
        "finetune", preset=preset, file=file, sets=sets, base=base, command="finetune"
    )


def run(
    config: Config,
    data: Path,
    parent: Path,
    out: Path,
    report: Reporter,
    *,
    resume: bool = False,
    overwrite: bool = False,
    profile: Path | None = None,
    tensorboard: Path | None = None,
    max_seconds: float | None = None,
) -> Summary:
    """Fine-tune the run `parent` on a data directory and write a run directory.

    The data may hold other items than the parent's, see `training.warm_start`.

    Returns:
        The run's manifest, `run.json`.

    Raises:
        M6RecError: The data's features were not fitted as the parent's, or the model would read
            others.
    """
    job = TrainingJob(
        stage="finetune",
        data=(data,),
        out=out,
        config=config,
        labelled_only=True,
        resume=resume,
        overwrite=overwrite,
        parent=parent,
        profile=profile,
        tensorboard=tensorboard,
        max_seconds=max_seconds,
    )
    return fit(job, report)
