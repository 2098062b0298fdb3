"""The item graphs, looked up by the recent events of users."""

import numpy as np
from scipy import sparse

from m6rec_cli.item_graphs import second_neighbours
from m6rec_cli.ranking.evidence import ItemEvidence


def random_graph(rng, n):
    return sparse.csr_array((rng.random((n, n)) * (rng.random((n, n)) < 0.4)).astype(np.float32))


def evidence_of(graph, cosines, events):
    """All graphs are the same one."""
    return ItemEvidence(
        cooccurrence=graph,
        content_similarity=graph,
        graph=graph,
        transitions=graph,
        cosines=cosines,
        events=events,
    )


def test_of_users_weighs_recent_events_by_their_age():
    rng = np.random.default_rng(0)
    graph, words, following, bought, similar = (random_graph(rng, 9) for _ in range(5))
    evidence = ItemEvidence(
        cooccurrence=bought,
        content_similarity=similar,
        graph=graph,
        transitions=following,
        cosines={"words": words},
        events=np.arange(9),
    )
    # User 1 has no event, user 0 more than the five that content looks at, one item twice.
    owner, items = np.array([0] * 7 + [2]), np.array([3, 1, 4, 1, 5, 8, 2, 6])
    found = evidence.of_users(owner, items, 3)
    share, cosine = 0.8 ** np.arange(7)[::-1], 0.5 ** np.arange(5)[::-1]
    expected = np.stack(
        [share @ graph.toarray()[items[:7]] / share.sum(), np.zeros(9), graph.toarray()[6]]
    )
    np.testing.assert_allclose(found.shares.toarray(), expected, rtol=1e-5)
    second = second_neighbours.fit(bought, similar).toarray()
    expected = np.stack([share @ second[items[:7]] / share.sum(), np.zeros(9), second[6]])
    np.testing.assert_allclose(found.second_shares.toarray(), expected, rtol=1e-5)
    expected = np.stack([following.toarray()[2], np.zeros(9), following.toarray()[6]])
    np.testing.assert_allclose(found.followers.toarray(), expected, rtol=1e-6)
    expected = np.stack(
        [cosine @ words.toarray()[items[2:7]] / cosine.sum(), np.zeros(9), words.toarray()[6]]
    )
    counts = np.zeros((3, 9))
    np.add.at(counts, (owner, items), 1)
    np.testing.assert_allclose(found.repeats.toarray(), np.log1p(counts), rtol=1e-6)
    assert counts.max() == 2
    assert found.cosines.keys() == {"words"}
    np.testing.assert_allclose(found.cosines["words"].toarray(), expected, rtol=1e-5)
    less = evidence.of_users(owner, items, 3, wanted=())
    assert less.cosines == {}
    assert (less.repeats.nnz, less.repeats.shape) == (0, (3, 9))
    assert (less.second_shares.nnz, less.second_shares.shape) == (0, (3, 9))
    np.testing.assert_array_equal(less.shares.toarray(), found.shares.toarray())


def test_popularity_is_the_logarithm_of_events():
    graph = random_graph(np.random.default_rng(0), 3)
    evidence = evidence_of(graph, {}, np.array([0, 1, 99]))
    np.testing.assert_allclose(evidence.popularity, [0, np.log(2), np.log(100)], rtol=1e-6)
    assert evidence.popularity.dtype == np.float32


def test_of_users_counts_repeats_in_all_events_and_looks_up_the_last_ten():
    rng = np.random.default_rng(0)
    graph = random_graph(rng, 9)
    evidence = evidence_of(graph, {"words": graph}, np.arange(9))
    items = rng.integers(0, 9, 40)
    long = evidence.of_users(np.zeros(40, np.int64), items, 1)
    short = evidence.of_users(np.zeros(10, np.int64), items[-10:], 1)
    np.testing.assert_allclose(
        long.repeats.toarray()[0], np.log1p(np.bincount(items, minlength=9)), rtol=1e-6
    )
    for name in ("shares", "second_shares", "followers"):
        expected = getattr(short, name).toarray()
        np.testing.assert_array_equal(getattr(long, name).toarray(), expected, err_msg=name)
    np.testing.assert_array_equal(long.cosines["words"].toarray(), short.cosines["words"].toarray())
