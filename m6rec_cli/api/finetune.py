"""`m6rec finetune` as a function: its options by name, `settings` for `--set`."""

from pathlib import Path

from m6rec_cli.api.calls import (
    PathName,
    Settings,
    as_sets,
    optional_path,
    reporting,
)
from m6rec_cli.stages import finetune as finetune_stage
from m6rec_cli.system.progress import Summary


def finetune(
    data: PathName,
    *,
    init: PathName,
    out: PathName,
    preset: str | None = None,
    settings: Settings | None = None,
    config: PathName | None = None,
    resume: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
) -> Summary:
    """Fine-tune the run `init` on labelled events, by default its generator alone.

    >>> run = m6rec_cli.finetune("data", init="run", out="tuned",
    ...                          settings={"train.epochs": 1}, quiet=True)
    >>> run["stage"], run["parent"]
    ('finetune', 'run')

    Raises:
        M6RecError: What `m6rec finetune` would end with.
    """
    resolved = finetune_stage.resolve(
        Path(init), preset=preset, file=optional_path(config), sets=as_sets(settings)
    )
    with reporting(quiet=quiet) as report:
        return finetune_stage.run(
            resolved, Path(data), Path(init), Path(out), report, resume=resume, overwrite=overwrite
        )
