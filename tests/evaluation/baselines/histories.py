"""Event histories for the tests of baselines."""

import numpy as np

from m6rec_cli.evaluation.baselines._base import History


def history(users, items, n_users):
    """Events sorted by user, as arrays."""
    users, items = np.array(users, np.int32), np.array(items, np.int32)
    return History(users, items, np.searchsorted(users, np.arange(n_users + 1)))


def random_history(seed=0, n_users=30, n_items=12):
    """Random events; the last user and the last item have none."""
    rng = np.random.default_rng(seed)
    lengths = np.append(rng.integers(1, 9, n_users - 1), 0)
    users = np.repeat(np.arange(n_users), lengths)
    return history(users, rng.integers(0, n_items - 1, len(users)), n_users)
