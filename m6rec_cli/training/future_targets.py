"""What the beginning of a history is taught: what its user does sooner or later, in place of what comes next.

What comes first is not what a newcomer wants in the long run: a site shows everybody the same things first. With n
places of long run, a list for somebody with fewer than n events answers the second question.
"""

import numpy as np

_COUNTS = 2.0
"""How much such a target counts beside the others, on average."""


def aims(
    user_row: np.ndarray, taught: np.ndarray, places: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """For each event the one that is taught in its place, int64 (n,), and how much that counts, f32 (n,).

    One that stands for many counts as much as they are: otherwise what people with few events like would rank above what
    most people come to.

    Args:
        user_row: (n,) the user of each event, sorted; a user's events in order of time.
        taught: bool (n,), the events that are to be found.
        places: The first `places` events of each user give way to one of these, drawn evenly from itself and the later ones of
            the user, if there is one; the others stay.
    """
    aim, counts = np.arange(len(user_row)), np.ones(len(user_row), np.float32)
    if places == 0:
        return aim, counts
    early = aim[aim - np.searchsorted(user_row, user_row, side="left") < places]
    ends = np.searchsorted(user_row, user_row[early], side="right")
    before = np.concatenate([[0], np.cumsum(taught)])
    n = before[ends] - before[early]
    early, first, n = early[n > 0], before[early][n > 0], n[n > 0]
    aim[early] = np.flatnonzero(taught)[first + rng.integers(0, n)]
    counts[early] = _COUNTS * n / n.mean() if len(n) else 1
    return aim, counts
