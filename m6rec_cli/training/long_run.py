"""What the beginning of a history is taught: what its user does sooner or later, in place of what comes next.

What comes first is not what a newcomer wants in the long run: a site shows everybody the same things first. With n
places of long run, a list for somebody with fewer than n events answers the second question.
"""

import numpy as np


def aims(user_row: np.ndarray, taught: np.ndarray, places: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) int64, for each event the one that is taught in its place.

    Args:
        user_row: (n,) the user of each event, sorted; a user's events in order of time.
        taught: bool (n,), the events that are to be found.
        places: The first `places` events of each user give way to one of these, drawn evenly from itself and the later ones of
            the user, if there is one; the others stay.
    """
    aim = np.arange(len(user_row))
    if places == 0:
        return aim
    early = aim[aim - np.searchsorted(user_row, user_row, side="left") < places]
    ends = np.searchsorted(user_row, user_row[early], side="right")
    before = np.concatenate([[0], np.cumsum(taught)])
    n = before[ends] - before[early]
    early, first, n = early[n > 0], before[early][n > 0], n[n > 0]
    aim[early] = np.flatnonzero(taught)[first + rng.integers(0, n)]
    return aim
