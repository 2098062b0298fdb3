import numpy as np
import pytest

from m6rec_cli.training.future_targets import sample_targets

USERS = np.repeat([0, 3, 4], [5, 1, 3])
ALL = np.ones(9, bool)


def test_no_places_leave_each_event_its_own_target():
    aim, counts = sample_targets(USERS, ALL, 0, np.random.default_rng(0))
    np.testing.assert_array_equal(aim, np.arange(9))
    np.testing.assert_array_equal(counts, np.ones(9))


@pytest.mark.parametrize("places", [1, 2, 100])
def test_early_places_are_taught_a_later_event_of_the_same_user_and_the_rest_their_own(places):
    drawn = np.stack(
        [sample_targets(USERS, ALL, places, np.random.default_rng(seed))[0] for seed in range(200)]
    )
    own = np.arange(9)
    assert (drawn >= own).all()
    assert (USERS[drawn] == USERS).all()
    position = np.array([0, 1, 2, 3, 4, 0, 0, 1, 2])
    assert (drawn == own)[:, position >= places].all()


def test_each_later_event_is_drawn_as_often_as_the_next():
    rng = np.random.default_rng(1)
    first = [int(sample_targets(USERS, ALL, 1, rng)[0][0]) for _ in range(5000)]
    share = np.bincount(first, minlength=5) / 5000
    np.testing.assert_allclose(share, 0.2, atol=0.03)


def test_only_what_is_to_be_found_is_drawn():
    taught = np.array([0, 0, 1, 0, 1, 0, 1, 0, 0], bool)
    drawn = np.stack(
        [sample_targets(USERS, taught, 4, np.random.default_rng(seed))[0] for seed in range(100)]
    )
    # The fourth event of the first user has one label left, the user with one event has none, nor have the last two.
    assert [sorted(set(column.tolist())) for column in drawn.T] == [[2, 4]] * 3 + [
        [4],
        [4],
        [5],
        [6],
        [7],
        [8],
    ]


def test_target_that_stands_for_many_counts_as_much_as_they_are():
    """In the mean over the draws each pair of a place and a later event weighs the same, whoever's they are."""
    _, counts = sample_targets(USERS, ALL, 2, np.random.default_rng(0))
    stand_for = np.array([5, 4, 1, 3, 2])
    early = [0, 1, 5, 6, 7]
    np.testing.assert_allclose(counts[early], 2 * stand_for / stand_for.mean())
    np.testing.assert_array_equal(np.delete(counts, early), np.ones(4))


def test_nothing_is_taught_where_nothing_is_to_be_found():
    aim, counts = sample_targets(USERS, np.zeros(9, bool), 3, np.random.default_rng(0))
    np.testing.assert_array_equal(aim, np.arange(9))
    np.testing.assert_array_equal(counts, np.ones(9))
