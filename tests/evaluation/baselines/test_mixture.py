"""The mixture and its co-occurrence part on histories whose best part is known."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.evaluation.baselines import _held_out, cooccurrence, mixture
from m6rec_cli.evaluation.baselines._base import History, ItemContent
from m6rec_cli.item_graphs import cooccurrence as graphs
from tests.evaluation.baselines.histories import history, random_history


def cycle(n_users=40, n_items=12, length=5):
    """User u walks around a cycle of items from item u on."""
    items = (np.arange(n_users)[:, None] + np.arange(length)) % n_items
    return history(np.repeat(np.arange(n_users), length), items.ravel(), n_users), items


def pairs_by_content(n_pairs=30):
    """Each user has two items that nobody else has, and which share a word."""
    n_items = 2 * n_pairs
    h = history(np.repeat(np.arange(n_pairs), 2), np.arange(n_items), n_pairs)
    words = sparse.csr_array(np.repeat(np.eye(n_pairs, dtype=np.float32), 2, axis=0))
    return h, n_items, words


def test_cooccurrence_equals_the_graphs_shares_of_the_last_ten_events():
    h = random_history(3)
    graph = graphs.fit(h.user_row, h.item_row, 12)
    expected = np.zeros((30, 12), np.float32)
    for user in range(30):
        own = h.item_row[h.offsets[user] : h.offsets[user + 1]][-10:]
        weight = 0.8 ** np.arange(len(own))[::-1]
        if len(own):
            expected[user] = (weight / weight.sum()) @ graph.toarray()[own]
    got = cooccurrence.fit(h, 30, 12).score(h.per_user, np.arange(30))
    np.testing.assert_allclose(got, expected, atol=2e-6)


@pytest.mark.parametrize("baseline", [cooccurrence, mixture])
def test_graph_baselines_recommend_the_successor_in_a_cycle(baseline):
    h, items = cycle()
    scores = baseline.fit(h, 40, 12).score(h.per_user, np.arange(40))
    scores[np.repeat(np.arange(40), 5), items.ravel()] = -np.inf
    np.testing.assert_array_equal(scores.argmax(axis=1), (items[:, -1] + 1) % 12)


def test_mixture_words_get_a_weight_where_they_alone_tell():
    h, n_items, words = pairs_by_content()
    scorer = mixture.fit(h, 30, n_items, ItemContent(term_counts=[words]))
    assert scorer.weights["words"] > 0
    scores = scorer.score(h.per_user, np.arange(30))
    scores[np.arange(30), 2 * np.arange(30) + 1] = -np.inf
    np.testing.assert_array_equal(scores.argmax(axis=1), 2 * np.arange(30))


def test_mixture_second_neighbours_get_a_weight_where_they_alone_tell():
    """What follows item i for some users, others choose after its twin of the same words."""
    n = 30
    rows = np.arange(n)
    buyers = np.stack([rows, 2 * n + rows, (rows * 7) % n], axis=1).ravel()  # the last is held out
    seekers = np.stack([n + rows, 2 * n + rows], axis=1).ravel()
    users = np.concatenate([np.repeat(rows, 3), np.repeat(n + rows, 2)])
    h = history(users, np.concatenate([buyers, seekers]), 2 * n)
    words = np.concatenate([np.eye(n), np.eye(n), np.zeros((n, n))]).astype(np.float32)
    scorer = mixture.fit(h, 2 * n, 3 * n, ItemContent(term_counts=[sparse.csr_array(words)]))
    assert scorer.weights["second_neighbours"] > 0


def test_mixture_whitened_vectors_get_a_weight_where_they_alone_tell():
    h, n_items, _ = pairs_by_content()
    rng = np.random.default_rng(0)
    # A large common direction hides the differences until the vectors are whitened.
    vectors = np.repeat(rng.standard_normal((30, 8)), 2, axis=0) + 50 * rng.standard_normal(8)
    scorer = mixture.fit(h, 30, n_items, ItemContent(vectors=[vectors.astype(np.float32)]))
    assert scorer.weights["vectors"] > 0


def test_mixture_useless_words_get_no_weight():
    h, _ = cycle(n_users=200)
    noise = np.random.default_rng(1).integers(0, 2, (12, 6)).astype(np.float32)
    scorer = mixture.fit(h, 200, 12, ItemContent(term_counts=[sparse.csr_array(noise)]))
    assert scorer.weights["words"] == 0
    assert max(scorer.weights["cooccurrence"], scorer.weights["transitions"]) > 0
    assert "words" not in scorer.parts.contents


def test_mixture_weights_are_reproducible_and_not_chosen_on_later_events():
    h, n_items, words = pairs_by_content()
    content = ItemContent(term_counts=[words])
    first, again = (mixture.fit(h, 30, n_items, content).weights for _ in range(2))
    assert first == again


def test_last_events_takes_the_last_labelled_event_and_what_follows_it():
    h = History(
        np.array([0, 0, 0, 1, 2, 2, 3]),
        np.array([5, 6, 7, 5, 8, 9, 4]),
        np.array([0, 3, 4, 6, 7, 7]),
        np.array([True, True, False, True, False, True, False]),
    )
    earlier, users, targets = _held_out.last_events(h)
    assert users.tolist() == [0, 2]
    assert targets.tolist() == [6, 9]
    assert earlier.item_row.tolist() == [5, 5, 8, 4]
    assert earlier.offsets.tolist() == [0, 1, 2, 3, 4, 4]


def own_favourites(n_users=40, n_items=20, length=12):
    """Each user has one item half of the time, and last; the others are of chance."""
    rng = np.random.default_rng(0)
    favourite = rng.integers(0, n_items, n_users)
    items = rng.integers(0, n_items, (n_users, length))
    items[:, 1::2] = favourite[:, None]
    return history(np.repeat(np.arange(n_users), length), items.ravel(), n_users), favourite


def test_mixture_repeats_get_a_weight_where_people_come_back_to_their_own():
    h, favourite = own_favourites()
    scorer = mixture.fit(h, 40, 20)
    assert scorer.weights["repeats"] > 0
    np.testing.assert_array_equal(scorer.score(h.per_user, np.arange(40)).argmax(axis=1), favourite)


def test_mixture_repeats_have_no_weight_where_nobody_repeats():
    h, _ = cycle()
    scorer = mixture.fit(h, 40, 12)
    assert scorer.weights["repeats"] == 0
    assert not scorer.parts.counts_repeats


def test_mixture_learns_what_is_asked_for():
    """The next event is the successor of the last one, all later ones are a user's favourites."""
    rng = np.random.default_rng(0)
    favourites = np.stack([rng.permutation(40)[:3] for _ in range(60)])
    # Every user goes around their three favourites.
    items = favourites[:, np.arange(30) % 3]
    h = history(np.repeat(np.arange(60), 30), items.ravel(), 60)
    earlier, users, targets = _held_out.last_events(dataclasses.replace(h, asks_for_all=True))
    assert users.tolist() == np.repeat(np.arange(60), 3).tolist()
    np.testing.assert_array_equal(targets.reshape(60, 3), np.sort(favourites, axis=1))
    assert np.diff(earlier.offsets).tolist() == [27] * 60
    later = mixture.fit(dataclasses.replace(h, asks_for_all=True), 60, 40)
    best = np.argsort(-later.score(h.per_user, np.arange(60)), axis=1)[:, :3]
    np.testing.assert_array_equal(np.sort(best, axis=1), np.sort(favourites, axis=1))
    following = mixture.fit(h, 60, 40).score(h.per_user, np.arange(60)).argmax(axis=1)
    assert (following == favourites[:, 0]).mean() > 0.85  # some share a favourite
