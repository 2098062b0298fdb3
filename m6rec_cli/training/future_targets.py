"""Replace early next-item targets by a random later item of the same user.

The next item after a short history is often what a site shows to everybody. With `places` = n, the
lists for users with fewer than n events predict what they come to later instead.
"""

import numpy as np

_MEAN_COUNT = 2.0
"""The mean factor of the weights of replaced targets."""


def sample_targets(
    user_row: np.ndarray,
    is_target: np.ndarray,
    places: int,
    rng: np.random.Generator,
    users: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The target of each event, as a position, int64 (n,), and a factor of its weight, f32 (n,).

    The factor of a replaced target is proportional to the number of events that it was drawn from.
    Otherwise items liked by users with few events would rank above those that most users come to.

    Args:
        user_row: (n,) user of each event, sorted; the events of a user in order of time.
        is_target: bool (n,), the events that can be targets.
        places: The first `places` events of each user are replaced by a target drawn uniformly from
            the event itself and the user's later ones, if there is one; the others stay.
        users: bool by user row, those whose targets are replaced; None for all.
    """
    source, factor = np.arange(len(user_row)), np.ones(len(user_row), np.float32)
    if places == 0:
        return source, factor
    early = source[source - np.searchsorted(user_row, user_row, side="left") < places]
    if users is not None:
        early = early[users[user_row[early]]]
    ends = np.searchsorted(user_row, user_row[early], side="right")
    n_before = np.concatenate([[0], np.cumsum(is_target)])
    n = n_before[ends] - n_before[early]
    early, first, n = early[n > 0], n_before[early][n > 0], n[n > 0]
    source[early] = np.flatnonzero(is_target)[first + rng.integers(0, n)]
    factor[early] = _MEAN_COUNT * n / n.mean() if len(n) else 1
    return source, factor
