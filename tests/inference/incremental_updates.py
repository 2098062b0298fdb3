"""Helpers of the tests of `recommend --state`: logs in pieces, and full passes to compare with."""

import dataclasses

import numpy as np
import pytest

from m6rec_cli.inference import incremental, raw_inputs
from m6rec_cli.system.progress import SilentReporter
from tests.inference.trained import write

HEADER = "user_id,item_id,timestamp,event"
START = 1_600_000_000


class StateDirectory:
    """A state directory that is updated by piece after piece of a log."""

    def __init__(self, run, folder):
        self.run, self.folder, self.n_pieces = run, folder, 0

    def update(self, rows, *, profiles=None, run=None):
        """Histories after an update by some log lines, which may be none."""
        self.n_pieces += 1
        log = write(self.folder, f"piece-{self.n_pieces}.csv", HEADER, rows) if rows else None
        self.report = SilentReporter()
        histories = incremental.update_histories(
            run or self.run, log, profiles, self.folder / "state", self.report
        )
        histories.save(self.folder / "state")
        self.counts = histories.update.counts
        return histories

    def full_pass(self, rows, *, profiles=None, run=None):
        """Histories of a whole log, without a state."""
        log = write(self.folder, "whole.csv", HEADER, rows)
        return raw_inputs.read_histories(run or self.run, log, profiles, SilentReporter())


@pytest.fixture
def state(shop, tmp_path):
    return StateDirectory(shop.loaded, tmp_path)


def with_max_history(run, max_history):
    model = dataclasses.replace(run.config.model, max_history=max_history)
    return dataclasses.replace(run, config=dataclasses.replace(run.config, model=model))


def assert_same_histories(updated, whole):
    """Both give the same contexts, bases and seen items."""
    assert set(updated.ids) >= set(whole.ids)
    at = {name: row for row, name in enumerate(updated.ids)}
    rows, theirs = np.array([at[name] for name in whole.ids]), np.arange(len(whole.ids))
    np.testing.assert_allclose(updated.contexts(rows)[0], whole.contexts(theirs)[0], atol=2e-5)
    np.testing.assert_array_equal(updated.basis(rows), whole.basis(theirs))
    seen, expected = (
        {(int(o), int(i)) for o, i in zip(*a.seen(r), strict=True)}
        for a, r in ((updated, rows), (whole, theirs))
    )
    assert seen == expected
