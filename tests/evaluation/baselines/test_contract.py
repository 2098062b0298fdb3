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
        scores = self.fit(name, random_history()).score(np.arange(N_USERS))
        assert scores.shape == (N_USERS, N_ITEMS)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()

    def test_scores_of_a_batch_equal_those_of_single_users(self, name):
        scorer = self.fit(name, random_history())
        batch = scorer.score(np.arange(N_USERS))
        single = np.concatenate([scorer.score(np.array([u])) for u in range(N_USERS)])
        np.testing.assert_allclose(batch, single, rtol=1e-5, atol=1e-6)

    def test_user_without_events_gets_popular_items(self, name):
        events = random_history()
        count = np.bincount(events.item_row, minlength=N_ITEMS)
        scores = self.fit(name, events).score(np.array([N_USERS - 1]))[0]
        np.testing.assert_array_equal(
            np.argsort(-scores, kind="stable"), np.argsort(-count, kind="stable")
        )

    def test_history_without_events_gives_scores(self, name):
        scores = self.fit(name, history([], [], 3), 3, 4).score(np.arange(3))
        assert scores.shape == (3, 4)
        assert np.isfinite(scores).all()
