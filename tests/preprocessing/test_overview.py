"""What `preprocess` counts, on the screen."""

import pytest

from m6rec_cli.data.manifest import Counts
from m6rec_cli.preprocessing import overview
from m6rec_cli.system.progress import PLAIN_TABLE, SilentReporter
from tests.evaluation.report.summaries import manifest


class Tables(SilentReporter):
    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, list] = {}

    def table(self, title, columns, rows, style=PLAIN_TABLE) -> None:
        self.rows[title] = [tuple(row) for row in rows]


@pytest.mark.parametrize("ties", [0, 2])
def test_unusual_counts_are_shown_only_if_there_are_some(ties: int):
    events = {"train": 70, "valid": 0, "test": 9, "cold": 0}
    counts = Counts(users=9, items=8, events=events, targets={"test": 9})
    report = Tables()
    overview.show(report, manifest(counts=counts, ties=ties), tied_users=0)
    usual = [("users", 9), ("items", 8)]
    usual += [("events: train", 70), ("events: valid", 0), ("events: test", 9)]
    tied = [("events at the same time as another event of the user", 2)]
    assert report.rows["counts"] == usual + tied * bool(ties)
