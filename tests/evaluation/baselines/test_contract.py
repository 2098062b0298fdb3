"""The contract of every baseline file."""

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.evaluation.baselines import _base
from m6rec_cli.evaluation.baselines._base import BASELINES
from tests.evaluation.baselines.histories import history, random_history

N_USERS, N_ITEMS = 30, 12


@pytest.mark.parametrize("name", BASELINES.names())
class TestEveryBaseline:
    """A baseline scores all items of any user with finite float32 values."""

    def fit(self, name, events, n_users=N_USERS, n_items=N_ITEMS):
        baseline = BASELINES.load(name)
        assert baseline.READS in ("events", "content", "content if any")
        if baseline.READS == "events":
            return baseline.fit(events, n_users, n_items)
        counts = np.random.default_rng(0).integers(0, 3, (n_items, 7)).astype(np.float32)
        return baseline.fit(events, n_users, n_items, _base.ItemContent([sparse.csr_array(counts)]))

    def test_scores_are_finite_float32_for_all_items(self, name):
        events = random_history()
        scores = self.fit(name, events).score(events.per_user, np.arange(N_USERS))
        assert scores.shape == (N_USERS, N_ITEMS)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()

    def test_scores_of_a_batch_equal_those_of_single_users(self, name):
        events = random_history()
        histories, fitted = events.per_user, self.fit(name, events)
        batch = fitted.score(histories, np.arange(N_USERS))
        single = np.concatenate([fitted.score(histories, np.array([u])) for u in range(N_USERS)])
        np.testing.assert_allclose(batch, single, rtol=1e-5, atol=1e-6)

    def test_user_without_events_gets_popular_items(self, name):
        events = random_history()
        count = np.bincount(events.item_row, minlength=N_ITEMS)
        scores = self.fit(name, events).score(events.per_user, np.array([N_USERS - 1]))[0]
        np.testing.assert_array_equal(
            np.argsort(-scores, kind="stable"), np.argsort(-count, kind="stable")
        )

    def test_history_without_events_gives_scores(self, name):
        events = history([], [], 3)
        scores = self.fit(name, events, 3, 4).score(events.per_user, np.arange(3))
        assert scores.shape == (3, 4)
        assert np.isfinite(scores).all()

    def test_scores_of_other_histories_are_those_of_users_who_have_them(self, name):
        events = random_history()
        fitted = self.fit(name, events)
        # The histories of two users, beginning and whole, as spans of a log of their own.
        log = np.concatenate([events.item_row[events.offsets[u] :][:9] for u in (3, 7)])
        histories = _base.Histories(log, np.array([0, 0, 9]), np.array([2, 9, 18]))
        scores = fitted.score(histories, np.arange(3))
        for row, (start, stop) in enumerate(((0, 2), (0, 9), (9, 18))):
            alone = _base.Histories(log[start:stop], np.array([0]), np.array([stop - start]))
            np.testing.assert_allclose(
                scores[row], fitted.score(alone, np.array([0]))[0], rtol=1e-5, atol=1e-6
            )
