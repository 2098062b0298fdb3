"""Held-out events of worlds in which it is known what predicts the next item."""

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
    cosines = {} if words is None else {"words": sparse.csr_array(words.astype(np.float32))}
    evidence = ItemEvidence(
        graph=cooccurrence.fit(owner, items, n_items),
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
