"""Learned weights find what is planted, and are refused where constant ones find more."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.ranking import ascent, fit, held_out
from m6rec_cli.ranking.candidates import NAMES, Candidates
from m6rec_cli.ranking.held_out import candidates
from m6rec_cli.ranking.weights import FIXED
from tests.ranking.held_out_worlds import (
    bought_after_a_twin,
    fixed_order,
    held_out_events,
    own_favourites,
    right_model,
)


def test_fit_where_only_transitions_matter_overrules_the_model():
    events = candidates(fixed_order())
    found = fit.fit(events, constants={"usual weights": fit.USUAL})
    assert found.is_learned
    assert found.events == 300
    assert found.ndcg is not None
    assert found.other_ndcg is not None
    fixed = fit.fit(events, constants={"fixed weights": FIXED}).other_ndcg
    assert fixed is not None
    assert found.ndcg > 0.5 > fixed + 0.1
    assert found.ndcg > found.other_ndcg
    assert found.weights.model < 0.1
    weights = found.weights
    assert weights.neighbours + weights.close_neighbours + weights.followers > 1


def test_fit_is_not_below_the_transitions_where_they_are_all_there_is():
    found = fit.fit(candidates(fixed_order()))
    assert max(found.ndcg or 0, found.other_ndcg or 0) > 0.7


def test_fit_finds_what_was_bought_after_something_similar():
    found = fit.fit(candidates(bought_after_a_twin()))
    assert max(found.ndcg or 0, found.other_ndcg or 0) > 0.9
    assert found.weights.second_neighbours > 0.3


def test_fit_finds_what_people_come_back_to():
    """Their favourites are older than the ten events that the graphs are looked up by."""
    found = fit.fit(candidates(own_favourites()))
    assert found.is_learned
    assert found.weights.repeats > 1
    assert found.ndcg is not None
    assert found.ndcg > 0.7 > 0.3 > (found.other_ndcg or 1)


def test_fit_gives_repeats_no_weight_where_seen_items_are_hidden():
    events = own_favourites()
    hidden = events.evidence.repeats.toarray() > 0
    hidden[np.arange(200), events.target] = False
    events = dataclasses.replace(events, hidden=sparse.csr_array(hidden), target=hidden.argmin(1))
    assert fit.fit(candidates(events)).weights.repeats == 0


def test_fit_where_the_model_is_right_keeps_it():
    events = candidates(right_model())
    found = fit.fit(events, constants={"weights without the model": fit.WITHOUT_MODEL})
    assert found.is_learned
    assert found.weights.model == pytest.approx(1, abs=0.15)
    # Chance moves these, by less than what the model says.
    assert abs(found.weights.popularity) < 0.8
    usual = fit.fit(events, constants={"usual weights": fit.USUAL}).other_ndcg
    assert found.ndcg == pytest.approx(usual, abs=0.03)


def test_fit_weighs_the_model_by_the_length_of_the_history():
    """The model is right for long histories only: there its weight is higher."""
    short, long = fixed_order(seed=1), right_model(seed=2)
    is_long = np.random.default_rng(3).random(300) < 0.5
    mixed = dataclasses.replace(
        short,
        target=np.where(is_long, long.target, short.target),
        n_events=np.where(is_long, 100, 3),
        logits=lambda rows: np.where(is_long[rows, None], long.logits(rows), short.logits(rows)),
    )
    model, _ = fit.fit(candidates(mixed)).weights.of_users(np.array([3, 100]))
    assert model[0] < 0.2
    assert model[1] > 0.7


def test_fit_of_a_sample_is_near_that_of_the_whole_catalogue(monkeypatch):
    events = fixed_order(n_users=400, n_items=240)
    # What follows directly would say it all.
    evidence = dataclasses.replace(events.evidence, followers=events.evidence.followers * 0)
    events = dataclasses.replace(events, evidence=evidence)
    some = {"usual weights": fit.USUAL}
    whole = fit.fit(candidates(events), constants=some).weights.to_json()
    for name, value in {"MAX_WHOLE": 10, "_N_BEST": 20, "_N_POPULAR": 10, "_N_RANDOM": 40}.items():
        monkeypatch.setattr(held_out, name, value)
    sample = candidates(events)
    assert len(sample.log_copies) < 400 * 240 / 2
    sampled = fit.fit(sample, constants=some).weights.to_json()
    # The scale of a weight is that of the range of its term.
    assert sampled == pytest.approx(whole, abs=0.12)
    # Without the numbers of items that the samples stand for, the weights are others.
    even = dataclasses.replace(sample, log_copies=np.zeros_like(sample.log_copies))
    wrong = fit.fit(even, constants=some).weights.to_json()
    assert max(abs(wrong[name] - whole[name]) for name in whole) > 0.3


def test_fit_that_finds_less_than_constant_weights_is_refused():
    """Popularity decides every other event, for one half upwards and for the other downwards."""
    rng = np.random.default_rng(0)
    n_users, n_items = 200, 40
    histories = np.sort(rng.integers(0, n_items, (n_users, 12)) * rng.random((n_users, 12)), axis=1)
    histories = histories.astype(np.int64)
    order = np.argsort(-np.bincount(histories.ravel(), minlength=n_items))
    place = rng.integers(0, 3, n_users)
    targets = np.where(np.arange(n_users) % 2, order[place], order[::-1][place])
    logits = rng.standard_normal((n_users, n_items))
    logits[np.arange(n_users), targets] += 2
    found = fit.fit(candidates(held_out_events(histories, targets, logits.astype(np.float32))))
    assert not found.is_learned
    assert found.weights == fit.CONSTANTS[found.other]
    assert found.ndcg is not None
    assert found.other_ndcg is not None
    assert found.ndcg < found.other_ndcg


@pytest.mark.parametrize("n_users", [0, 19])
def test_fit_of_few_events_keeps_the_first_constant_weights(n_users):
    found = fit.fit(candidates(fixed_order()).take(np.arange(n_users)))
    assert (found.events, found.is_learned, found.other) == (n_users, False, "usual weights")
    assert (found.weights, found.ndcg, found.other_ndcg) == (fit.USUAL, None, None)


def test_fit_of_twenty_events_judges_learned_and_constant_weights():
    found = fit.fit(candidates(fixed_order()).take(np.arange(20)))
    assert found.ndcg is not None
    assert found.other_ndcg is not None
    assert found.is_learned == (found.ndcg >= found.other_ndcg)


def test_fit_without_evidence_keeps_the_prior():
    """No event tells its items apart: all values are alike."""
    n, k = 30, 5
    alike = Candidates(
        mean_log_length=1.0,
        lengths=np.zeros(n, np.float32),
        levels=np.zeros(n, np.float32),
        neighbour_logits=np.zeros(n * k, np.float32),
        offsets=np.arange(0, n * k + 1, k),
        values=np.ones((len(NAMES), n * k), np.float32),
        log_copies=np.zeros(n * k, np.float32),
        target=np.arange(0, n * k, k),
    )
    weights = fit.fit(alike).weights.to_json()
    assert weights == pytest.approx(fit.USUAL.to_json(), abs=1e-3)
    assert weights["close_neighbours"] == pytest.approx(0, abs=1e-3)


def test_ndcg_counts_ties_and_the_items_that_a_candidate_stands_for():
    values = np.zeros((len(NAMES), 8), np.float32)
    values[0] = [3, 2, 1, 1, 5, 0, 0, 0]
    data = Candidates(
        mean_log_length=0.0,
        lengths=np.zeros(2, np.float32),
        levels=np.zeros(2, np.float32),
        neighbour_logits=np.zeros(8, np.float32),
        offsets=np.array([0, 4, 8]),
        values=values,
        log_copies=np.log(np.array([1, 1, 1, 1, 9.5, 1, 1, 1], np.float32)),
        target=np.array([2, 5]),
    )
    # Rank 2.5 of a tie of two, and 10.5, which is too low.
    np.testing.assert_allclose(ascent.ndcg(data, values[0]), [1 / np.log2(4.5), 0], rtol=1e-6)
