"""Held-out events of worlds in which it is known what predicts the next item."""

import dataclasses

import numpy as np
from scipy import sparse

from m6rec_cli.item_graphs import cooccurrence, transitions
from m6rec_cli.ranking.evidence import ItemEvidence
from m6rec_cli.ranking.held_out import HeldOutEvents


def held_out_events(
    histories: np.ndarray,
    targets: np.ndarray,
    logits: np.ndarray,
    hidden: np.ndarray | None = None,
    words: np.ndarray | None = None,
) -> HeldOutEvents:
    """One event of each user; the graph and the counts are of all histories.

    Args:
        histories: Items of each user, (users, length).
        targets: (users,).
        logits: f32 (users, i).
        hidden: bool (users, i).
        words: Cosines of content, (i, i).
    """
    (n_users, length), n_items = histories.shape, logits.shape[1]
    owner, items = np.repeat(np.arange(n_users), length), histories.ravel()
    content = np.zeros((n_items, n_items)) if words is None else words
    cosines = {} if words is None else {"words": sparse.csr_array(words.astype(np.float32))}
    graph = cooccurrence.fit(owner, items, n_items)
    evidence = ItemEvidence(
        cooccurrence=graph,
        content_similarity=sparse.csr_array(content.astype(np.float32)),
        graph=graph,
        transitions=transitions.fit(owner, items, n_items),
        cosines=cosines,
        events=np.bincount(items, minlength=n_items),
    )
    return HeldOutEvents(
        user=np.arange(n_users),
        target=targets,
        n_events=np.full(n_users, length),
        logits=lambda rows: logits[rows],
        evidence=evidence.of_users(owner, items, n_users),
        popularity=evidence.popularity,
        hidden=None if hidden is None else sparse.csr_array(hidden),
    )


def fixed_order(
    n_users: int = 300, n_items: int = 60, length: int = 8, seed: int = 0
) -> HeldOutEvents:
    """Most events follow the last one in a fixed order of the items; the model knows nothing."""
    rng = np.random.default_rng(seed)
    following = rng.permutation(n_items)
    items = rng.integers(0, n_items, (n_users, length + 1))
    for at in range(1, length + 1):
        follows = rng.random(n_users) < 0.7
        items[:, at] = np.where(follows, following[items[:, at - 1]], items[:, at])
    logits = 2 * rng.standard_normal((n_users, n_items))
    return held_out_events(items[:, :-1], items[:, -1], logits.astype(np.float32))


def right_model(n_users: int = 300, n_items: int = 60, seed: int = 0) -> HeldOutEvents:
    """The targets are drawn from the softmax of the model's logits; histories say nothing."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((n_users, n_items))
    targets = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    histories = rng.integers(0, n_items, (n_users, 8))
    return held_out_events(histories, targets, logits.astype(np.float32))


def own_favourites(n_users: int = 200, n_items: int = 60, seed: int = 0) -> HeldOutEvents:
    """Each user has two items again and again, but not lately; one of them is the target."""
    rng = np.random.default_rng(seed)
    favourites = rng.integers(0, n_items, (n_users, 2))
    old = np.where(rng.random((n_users, 12)) < 0.5, favourites[:, :1], favourites[:, 1:])
    histories = np.concatenate([old, rng.integers(0, n_items, (n_users, 10))], axis=1)
    targets = np.where(rng.random(n_users) < 0.5, favourites[:, 0], favourites[:, 1])
    logits = rng.standard_normal((n_users, n_items)).astype(np.float32)
    return held_out_events(histories, targets, logits)


def bought_after_a_twin(n_pairs: int = 40, seed: int = 0) -> HeldOutEvents:
    """Items have twins of the same content; what is asked for was bought after the twin alone.

    Items `0..n` have the twins `n..2n`, and `2n + i` was bought after item i. Half of the users
    bought both, the others the twin of i: the answer for them is `2n + i`.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(n_pairs)
    n_items = 3 * n_pairs
    buyers = np.stack([order, order + 2 * n_pairs], axis=1)
    seekers = np.stack([order + n_pairs, order + n_pairs], axis=1)
    alike = np.zeros((n_items, n_items))
    twins = np.arange(n_pairs)
    alike[twins, twins + n_pairs] = alike[twins + n_pairs, twins] = 1
    logits = rng.standard_normal((2 * n_pairs, n_items)).astype(np.float32)
    found = held_out_events(
        np.concatenate([buyers, seekers]),
        np.concatenate([order, order + 2 * n_pairs]),
        logits,
        words=alike,
    )
    seeks = np.arange(n_pairs, 2 * n_pairs)
    return dataclasses.replace(found, user=seeks, target=found.target[seeks])
