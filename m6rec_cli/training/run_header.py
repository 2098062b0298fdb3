"""A training setup to the lines before the first epoch: size, devices and their defaults."""

import jax
import numpy as np

from m6rec_cli.system import device_defaults
from m6rec_cli.system.progress import Reporter
from m6rec_cli.training.setup import TrainingSetup
from m6rec_cli.training.state import TrainingState


def parameter_counts(state: TrainingState) -> tuple[int, float]:
    """The number of parameters, and the share of them that is trainable."""
    n_parameters = _count((state.params, state.frozen))
    return n_parameters, _count(state.params) / max(1, n_parameters)


def report_size(
    setup: TrainingSetup, n_parameters: int, trainable_share: float, report: Reporter
) -> None:
    """Report what is trained on which devices, and what their defaults change."""
    batches, layout = setup.batches, setup.layout
    report.event(
        "model",
        f"{setup.job.stage}: {n_parameters:,} parameters, {trainable_share:.0%} of them trainable; "
        f"{batches.n_targets:,} target events, {batches.steps_per_epoch:,} steps per epoch"
        f"; {layout}: {jax.devices()[0].device_kind}",
        parameters=n_parameters,
        trainable_share=trainable_share,
        target_events=batches.n_targets,
        steps_per_epoch=batches.steps_per_epoch,
    )
    defaults = device_defaults.current()
    if defaults.platform != "cpu":
        report.note(f"defaults for {defaults}")
    padded = layout.round_up(batches.rows_per_batch)
    if padded > batches.rows_per_batch:
        report.warn(
            f"each batch of {batches.rows_per_batch} rows is padded to {padded}, "
            "a multiple of the devices: raise `train.batch_targets`"
        )


def _count(tree: object) -> int:
    """The number of scalars in a pytree."""
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))
