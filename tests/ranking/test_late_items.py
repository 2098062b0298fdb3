"""Weights of items that came after training, in worlds where it is known what they should be."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.ranking import fit
from m6rec_cli.ranking.candidates import NAMES, Candidates
from m6rec_cli.ranking.held_out import candidates
from m6rec_cli.ranking.late_items import with_late_items
from m6rec_cli.ranking.weights import LATE_ITEMS, RankingWeights
from tests.ranking.held_out_worlds import right_model

ONE_GRAPH = RankingWeights(model=1.0, followers=1.0)


def world(
    gain: float, *, constant: float = 0.0, neighbours: float = 0.0, n: int = 3000, k: int = 20
) -> Candidates:
    """Events whose targets come from the softmax of the score by `ONE_GRAPH`.

    The logit of an item is `constant + gain * followers + neighbours * (that of its neighbours)`
    and noise, beside the level of its user.
    """
    rng = np.random.default_rng(0)
    levels = rng.normal(-5, 1, n).astype(np.float32)
    values = np.zeros((len(NAMES), n * k), np.float32)
    followers = rng.exponential(1, n * k)
    near = rng.normal(0, 1, n * k)
    level = np.repeat(levels, k)
    logits = level + constant + gain * followers + neighbours * near + rng.normal(0, 0.3, n * k)
    values[NAMES.index("model")], values[NAMES.index("followers")] = logits, followers
    scores = (logits + followers + rng.gumbel(size=n * k)).reshape(n, k)
    return Candidates(
        mean_log_length=2.0,
        lengths=np.zeros(n, np.float32),
        levels=levels,
        neighbour_logits=(level + near).astype(np.float32),
        offsets=np.arange(0, n * k + 1, k),
        values=values,
        log_copies=np.zeros(n * k, np.float32),
        target=np.arange(0, n * k, k) + scores.argmax(axis=1),
    )


def found(data: Candidates) -> dict[str, float]:
    weights = with_late_items(ONE_GRAPH, data)
    # The other weights stay.
    assert dataclasses.replace(weights, **dict.fromkeys(LATE_ITEMS, 0.0)) == ONE_GRAPH
    return {name: getattr(weights, name) for name in LATE_ITEMS}


@pytest.mark.parametrize(("gain", "constant"), [(0.0, 0.0), (0.8, 0.0), (0.5, -1.0)])
def test_late_items_are_given_the_logit_that_goes_with_their_graphs(gain: float, constant: float):
    """What the model would say on average: here a line in what the graph says."""
    weights = found(world(gain, constant=constant))
    assert weights["late_gain"] == pytest.approx(1 + gain, abs=0.12)
    assert weights["late_constant"] == pytest.approx(constant, abs=0.2)
    assert weights["late_neighbours"] == pytest.approx(0, abs=0.1)


def test_late_items_are_given_the_logit_of_their_neighbours_as_far_as_it_holds():
    weights = found(world(0.0, neighbours=0.7))
    assert weights["late_neighbours"] == pytest.approx(0.7, abs=0.1)
    assert weights["late_gain"] == pytest.approx(1, abs=0.12)


def test_late_items_without_events_to_learn_from_have_no_weights():
    few = world(0.0).take(np.arange(fit.MIN_EVENTS - 1))
    assert with_late_items(ONE_GRAPH, few) == ONE_GRAPH


def test_levels_are_the_mean_logits_weighed_by_events():
    events = right_model(n_users=40, n_items=30)
    data = candidates(events)
    share = np.expm1(events.popularity) / np.expm1(events.popularity).sum()
    logits = events.logits(np.arange(40))
    np.testing.assert_allclose(data.levels, logits @ share - logits.max(axis=1), rtol=1e-4)
    np.testing.assert_allclose(data.lengths, 0, atol=1e-6)
    np.testing.assert_array_equal(data.neighbour_logits, 0)


def test_logits_of_neighbours_are_less_the_highest_of_the_event():
    events = right_model(n_users=40, n_items=30)
    twice = dataclasses.replace(events, neighbour_logits=lambda rows: 2 * events.logits(rows))
    data = candidates(twice)
    logits = events.logits(np.arange(40))
    expected = 2 * logits - logits.max(axis=1, keepdims=True)
    np.testing.assert_allclose(data.neighbour_logits, expected.ravel(), rtol=1e-5)


def test_levels_have_the_same_zero_as_logits_where_the_highest_is_hidden():
    """A user has seen the item with the highest logit: it is no candidate."""
    events = right_model(n_users=40, n_items=30)
    logits = events.logits(np.arange(40))
    best = logits.argmax(axis=1)
    events = dataclasses.replace(events, target=(best + 1) % 30)
    hidden = np.zeros((40, 30), bool)
    hidden[np.arange(40), best] = True
    seen = dataclasses.replace(
        events, hidden=sparse.csr_array(hidden), neighbour_logits=events.logits
    )
    data = candidates(seen)
    model = data.values[NAMES.index("model")]
    np.testing.assert_allclose(data.neighbour_logits, model, atol=1e-5)
    share = np.expm1(events.popularity) / np.expm1(events.popularity).sum()
    listed = np.where(hidden, -np.inf, logits).max(axis=1)
    np.testing.assert_allclose(data.levels, logits @ share - listed, rtol=1e-4, atol=1e-5)
