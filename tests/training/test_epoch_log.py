"""Epochs as lines of a table and of `metrics.jsonl`."""

import json

import pytest

from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.training.epoch_log import METRICS, EpochTable
from m6rec_cli.training.loop import LoopState, TrainingEvent
from tests.training.test_checkpointing import state_of

FIRST = {"ndcg@10": 0.0397, "recall@10": 0.0895}
SECOND = {"loss": 5.18, "rec_loss": 5.2, "gen_loss": 0.7, "discriminator_loss": 1.25, "seconds": 65}


class Wide(SilentReporter):
    """Keeps the events."""

    def __init__(self, width):
        super().__init__()
        self.width, self.events = width, []

    def event(self, name, text, **facts):
        super().event(name, text)
        self.events.append((name, facts))


def report_epochs(folder, width=None, *, is_adversarial=False):
    """A reporter that was told two epochs of which the first one is the best."""
    report = Wide(width)
    table = EpochTable(report, folder, 24, is_adversarial=is_adversarial)
    for epoch, metrics in enumerate((FIRST, FIRST | SECOND)):
        loop_state = LoopState(epoch=epoch, best_step=0)
        table.append(
            TrainingEvent(
                kind="epoch",
                step=40 * epoch,
                n_steps=40,
                metrics=metrics,
                state=state_of(40 * epoch, 1.0),
                loop_state=loop_state,
            )
        )
    return report


def test_epoch_table_has_one_heading_and_aligned_lines(tmp_path):
    assert report_epochs(tmp_path).notes == [
        "epoch     loss  ndcg@10  recall@10        time",
        " 0/24        -   0.0397     0.0895           -  best",
        " 1/24   5.1800   0.0397     0.0895  1 min 05 s",
    ]


def test_epoch_table_writes_a_line_of_metrics_per_epoch(tmp_path):
    report = report_epochs(tmp_path)
    written = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    assert written == [
        {"step": 0, "epoch": 0, **FIRST},
        {"step": 40, "epoch": 1, **FIRST, **SECOND},
    ]
    assert report.events[0] == ("training", {"epochs": 24})
    for line, best, (name, facts) in zip(written, (True, False), report.events[1:], strict=True):
        assert (name, facts) == ("epoch", {**line, "epochs": 24, "best": best})


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (None, ["epoch", "loss", "rec", "gen", "disc", "ndcg@10", "recall@10", "time"]),
        (79, ["epoch", "loss", "rec", "gen", "disc", "ndcg@10", "recall@10", "time"]),
        (78, ["epoch", "loss", "rec", "gen", "ndcg@10", "recall@10", "time"]),
        (60, ["epoch", "loss", "ndcg@10", "recall@10", "time"]),
        (50, ["epoch", "loss", "ndcg@10", "time"]),
    ],
)
def test_epoch_table_of_adversarial_training_has_more_losses_where_they_fit(
    tmp_path, width, headings
):
    notes = report_epochs(tmp_path, width, is_adversarial=True).notes
    assert notes[0].split() == headings
    assert max(map(len, notes)) <= (width or 1000)
