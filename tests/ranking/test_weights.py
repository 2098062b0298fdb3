"""The score of the ranking weights, term by term."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.ranking.evidence import UserEvidence
from m6rec_cli.ranking.weights import FIXED, MAX_EVENTS, RankingWeights

SHARES = np.array([[0, 0.5, 0.25, 0], [0, 0, 0, 0]], np.float32)
FOLLOWERS = np.array([[0.5, 0, 0, 0.1], [0, 0.3, 0, 0]], np.float32)
SECOND = np.array([[0.1, 0, 0.3, 0], [0, 0, 0.2, 0]], np.float32)
REPEATS = np.log1p(np.array([[0, 3, 0, 0], [1, 0, 0, 0]], np.float32))
WORDS = np.array([[0.8, 0, 0.4, 0], [0, 0, 0, 0.6]], np.float32)
EVIDENCE = UserEvidence(
    shares=sparse.csr_array(SHARES),
    second_shares=sparse.csr_array(SECOND),
    followers=sparse.csr_array(FOLLOWERS),
    repeats=sparse.csr_array(REPEATS),
    cosines={"words": sparse.csr_array(WORDS), "vectors": sparse.csr_array(WORDS / 2)},
)


def test_gains_are_the_sum_of_the_terms():
    weights = RankingWeights(
        model=1.0,
        neighbours=2.0,
        neighbour_scale=0.3,
        close_neighbours=0.5,
        second_neighbours=0.9,
        followers=1.5,
        words=3.0,
        vectors=4.0,
        repeats=0.7,
    )
    expected = (
        2 * np.log(1 + 0.3 * 4 * SHARES)
        + 0.5 * np.log(1 + 10 * 4 * SHARES)
        + 0.9 * np.log(1 + 4 * SECOND)
        + 1.5 * np.log(1 + 10 * 4 * FOLLOWERS)
        + 5 * WORDS
        + 0.7 * REPEATS
    )
    found = weights.gains(EVIDENCE, 4)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6)


def test_gains_of_fixed_weights_interpolate_the_softmax():
    """p'(i) is proportional to p(i) (1 + 0.1 n q(i))."""
    assert FIXED.uses_graphs
    p = np.array([0.4, 0.1, 0.2, 0.3])
    raised = p * np.exp(FIXED.gains(EVIDENCE, 4).toarray()[0])
    np.testing.assert_allclose(raised, p * (1 + 0.1 * 4 * SHARES[0]), rtol=1e-6)
    assert [x.tolist() for x in FIXED.of_users(np.array([0, 7]))] == [[1, 1], [0, 0]]


def test_of_users_follow_the_length_of_the_history():
    weights = RankingWeights(
        model=1.0, model_by_length=-0.3, popularity=0.5, popularity_by_length=-0.2
    )
    n_events = np.array([0, 3, MAX_EVENTS, 10 * MAX_EVENTS])
    model, popularity = weights.of_users(n_events)
    logs = np.log1p([0, 3, MAX_EVENTS, MAX_EVENTS])
    # The model is never turned around.
    np.testing.assert_allclose(model, np.maximum(1 - 0.3 * logs, 0), rtol=1e-6)
    assert model[2] == 0
    np.testing.assert_allclose(popularity, 0.5 - 0.2 * logs, rtol=1e-6)


def test_uses_graphs_is_false_for_the_model_alone():
    assert not RankingWeights(model=1.0, popularity=2.0).uses_graphs
    assert RankingWeights(model=1.0, vectors=0.1).uses_graphs
    assert RankingWeights(model=1.0, followers=0.1).uses_graphs
    assert RankingWeights(model=1.0, second_neighbours=0.1).uses_graphs
    assert RankingWeights(model=1.0, repeats=0.1).uses_graphs


def test_used_evidence_is_what_has_a_weight():
    weights = RankingWeights(model=1.0, second_neighbours=0.1, vectors=2.0, repeats=1.0)
    assert weights.used_evidence == ("second_neighbours", "repeats", "vectors")
    assert FIXED.used_evidence == ()


def test_from_json_gives_back_the_weights():
    weights = RankingWeights(model=0.1, popularity=-2.5, words=1e-9)
    assert RankingWeights.from_json(weights.to_json()) == weights


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": None}, "a weight is no finite number"),
        ({"model": "1"}, "a weight is no finite number"),
        ({"model": float("nan")}, "a weight is no finite number"),
        ({"words": -0.1}, "the weight `words` is negative"),
        ({"sounds": 1.0}, "the weights are .*sounds"),
    ],
)
def test_from_json_of_wrong_weights_is_an_error(change, message):
    with pytest.raises(ValueError, match=message):
        RankingWeights.from_json(FIXED.to_json() | change)


def test_from_json_without_a_weight_is_an_error():
    tree = FIXED.to_json()
    del tree["vectors"]
    with pytest.raises(ValueError, match=r"not model, .*vectors"):
        RankingWeights.from_json(tree)


@pytest.mark.parametrize("later", [("repeats",), ("repeats", "second_neighbours")])
def test_from_json_of_a_run_of_before_a_term_gives_it_no_weight(later):
    tree = {name: weight for name, weight in FIXED.to_json().items() if name not in later}
    assert RankingWeights.from_json(tree) == FIXED


def test_weights_of_every_term_are_fields():
    names = {field.name for field in dataclasses.fields(RankingWeights)}
    assert set(EVIDENCE.cosines) < names
