"""The position of the training loop and its early stopping."""

import math
from dataclasses import dataclass, field

from m6rec_cli.config.training_settings import TrainConfig


@dataclass(kw_only=True)
class LoopState:
    """The position of the loop and its early stopping, saved with every resumable checkpoint.

    Attributes:
        epoch: Completed epochs.
        epoch_step: Steps done in the current epoch; saved as 0 unless a signal stopped the run.
        best_ndcg: Validation NDCG@10 of the epoch that is kept, by default the best so far;
            -1 before the first. `best_step` and `best_epoch` are that epoch's.
        epochs_without_gain: Epochs since the best one.
        first_loss: Mean loss of the first epoch; None before its end.
        last_loss: Mean loss of the last completed epoch.
        metric_sums: Sums of the measurements over the steps of the current epoch.
        done: Whether training has ended.
    """

    epoch: int = 0
    epoch_step: int = 0
    best_ndcg: float = -1.0
    best_step: int = 0
    best_epoch: int = 0
    epochs_without_gain: int = 0
    first_loss: float | None = None
    last_loss: float | None = None
    metric_sums: dict[str, float] = field(default_factory=dict)
    done: bool = False

    @property
    def is_new(self) -> bool:
        """Whether nothing was trained or validated yet."""
        return self.epoch == 0 and self.epoch_step == 0 and self.best_ndcg < 0

    def end_epoch(
        self, step: int, ndcg: float | None, loss: float | None, *, keeps_last: bool = False
    ) -> None:
        """Count the epoch that ends at `step`; `keeps_last` keeps it even if it is not the best."""
        self.first_loss, self.last_loss = loss if self.epoch == 0 else self.first_loss, loss
        self.epoch, self.epoch_step, self.metric_sums = self.epoch + 1, 0, {}
        self.note_validation(step, ndcg, keeps_last=keeps_last)

    def is_finished(self, train: TrainConfig, epochs: int, step: int) -> bool:
        """Whether the epochs, the steps or the patience have run out."""
        return (
            self.epochs_without_gain >= train.patience
            or self.epoch >= epochs
            or step >= (train.max_steps or math.inf)
        )

    def note_validation(self, step: int, ndcg: float | None, *, keeps_last: bool = False) -> None:
        """Keep the best step; without validation, or with `keeps_last`, the last step."""
        if ndcg is not None and ndcg <= self.best_ndcg and not keeps_last:
            self.epochs_without_gain += 1
            return
        self.best_ndcg = self.best_ndcg if ndcg is None else ndcg
        self.best_step, self.best_epoch, self.epochs_without_gain = step, self.epoch, 0
