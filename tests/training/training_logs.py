"""All training events of batches at once, for tests that compare batches with them."""

import numpy as np

from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.training_log import TrainingEvents


def training_events(batches: TrainingBatches) -> TrainingEvents:
    """The training events of all chunks, in the order of the log."""
    return batches.log.read(np.arange(len(batches.log.bounds) - 1))
