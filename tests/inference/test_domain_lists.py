"""Which items users of a run of several domains may be listed."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from m6rec_cli.inference.domain_lists import ANY_DOMAIN, groups_by_domain

DOMAIN = np.array([0, 0, 1, 1, 2, ANY_DOMAIN])


def allowed_of(*histories: list[int]) -> list[list[int]]:
    """The items that users with these events may be listed."""

    def seen(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        owner = np.repeat(np.arange(len(rows)), [len(histories[row]) for row in rows])
        return owner, np.array([item for row in rows for item in histories[row]], np.int64)

    users: Any = SimpleNamespace(seen=seen)
    found: dict[int, list[int]] = {}
    for members, allowed in groups_by_domain(users, np.arange(len(histories)), DOMAIN):
        found |= dict.fromkeys(members.tolist(), np.flatnonzero(allowed).tolist())
    return [found[user] for user in range(len(histories))]


def test_users_get_items_of_the_domains_of_their_events_and_items_that_joined_later():
    assert allowed_of([0, 1], [2], [4, 4, 2], [1]) == [
        [0, 1, 5],
        [2, 3, 5],
        [2, 3, 4, 5],
        [0, 1, 5],
    ]


def test_users_without_events_in_a_domain_get_any_item():
    assert allowed_of([], [5], [3]) == [[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], [2, 3, 5]]


def test_no_users_are_no_groups():
    assert allowed_of() == []
