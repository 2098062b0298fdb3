"""What the beginning of a history is taught: what its user does sooner or later, in place of what comes next.

What comes first is not what a newcomer wants in the long run: a site shows everybody the same things first. With n
places of long run, a list for somebody with fewer than n events answers the second question.
"""

import numpy as np


def aims(user_row: np.ndarray, places: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) int64, for each event the one that is taught in its place.

    Args:
        user_row: (n,) the user of each event, sorted; a user's events in order of time.
        places: The first `places` events of each user give way to one drawn evenly from itself and all later ones of
            the user; the others stay.
    """
    aim = np.arange(len(user_row))
    if places == 0:
        return aim
    firsts = np.searchsorted(user_row, user_row, side="left")
    early = np.flatnonzero(aim - firsts < places)
    ends = np.searchsorted(user_row, user_row[early], side="right")
    aim[early] += rng.integers(0, ends - early)
    return aim
