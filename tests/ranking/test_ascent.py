"""Coordinate ascent finds the weights of planted worlds, and never ends below its start."""

import numpy as np

from m6rec_cli.ranking import ascent, fit
from m6rec_cli.ranking.candidates import NAMES
from m6rec_cli.ranking.held_out import candidates
from tests.ranking.held_out_worlds import fixed_order, right_model


def found(events, theta):
    return ascent.ndcg(events, theta.astype(np.float32) @ events.values).mean()


def test_ascend_leaves_a_wrong_start():
    """Only what follows the last item matters; the start trusts the model."""
    events = candidates(fixed_order())
    start = np.array([float(name == "model") for name in NAMES])
    theta = ascent.ascend(events, start)
    assert found(events, start) < 0.2
    assert found(events, theta) > 0.5
    assert dict(zip(NAMES, theta, strict=True))["followers"] > 0


def test_ascend_keeps_a_right_model():
    events = candidates(right_model())
    start = np.array([float(name == "model") for name in NAMES])
    theta = ascent.ascend(events, start)
    assert found(events, theta) >= found(events, start)
    assert theta[0] > 0
    assert start.tolist() == [1.0, *[0.0] * (len(NAMES) - 1)]  # the start is not changed


def test_fit_that_ascends_is_judged_on_events_it_has_not_seen():
    events = candidates(fixed_order())
    plain, ascending = fit.fit(events), fit.fit(events, ascends=True)
    assert plain.ndcg is not None
    assert ascending.ndcg is not None
    assert ascending.ndcg >= plain.ndcg
