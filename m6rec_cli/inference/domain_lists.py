"""Users of a run of several domains to the items of their own domains.

The softmax of such a run never compared items of two domains, so their scores are comparable within
a domain alone.
"""

from collections.abc import Iterator

import numpy as np

from m6rec_cli.inference.user_histories import UserHistories

ANY_DOMAIN = -1
"""The domain of an item that joined later: it may be of each."""


def groups_by_domain(
    histories: UserHistories, rows: np.ndarray, domain: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Groups of users with events in the same domains, and the items that they may be listed.

    Users without events may be listed any item.

    Args:
        domain: The domain of each item, (i,).

    Yields:
        Indices of `rows`, and bool (i,).
    """
    owner, item = histories.seen(rows)
    is_member = np.zeros((len(rows), domain.max(initial=0) + 1), bool)
    is_known = domain[item] != ANY_DOMAIN
    is_member[owner[is_known], domain[item[is_known]]] = True
    is_member[~is_member.any(axis=1)] = True
    groups, group = np.unique(is_member, axis=0, return_inverse=True)
    for number, members in enumerate(groups):
        allowed = (domain == ANY_DOMAIN) | members[domain]
        yield np.flatnonzero(group.reshape(-1) == number), allowed
