"""Early targets are replaced by random later events of the same user; the others stay."""

import numpy as np
import pytest

from m6rec_cli.training.future_targets import sample_targets

USERS = np.repeat([0, 3, 4], [5, 1, 3])
ALL = np.ones(9, bool)


def test_sample_targets_without_places_keeps_each_target():
    source, factor = sample_targets(USERS, ALL, 0, np.random.default_rng(0))
    np.testing.assert_array_equal(source, np.arange(9))
    np.testing.assert_array_equal(factor, np.ones(9))


@pytest.mark.parametrize("places", [1, 2, 100])
def test_sample_targets_draws_later_events_of_the_same_user_for_early_places_alone(places):
    drawn = np.stack(
        [sample_targets(USERS, ALL, places, np.random.default_rng(seed))[0] for seed in range(200)]
    )
    own = np.arange(9)
    assert (drawn >= own).all()
    assert (USERS[drawn] == USERS).all()
    position = np.array([0, 1, 2, 3, 4, 0, 0, 1, 2])
    assert (drawn == own)[:, position >= places].all()


def test_sample_targets_draws_uniformly():
    rng = np.random.default_rng(1)
    first = [int(sample_targets(USERS, ALL, 1, rng)[0][0]) for _ in range(5000)]
    share = np.bincount(first, minlength=5) / 5000
    np.testing.assert_allclose(share, 0.2, atol=0.03)


def test_sample_targets_draws_targets_only():
    is_target = np.array([0, 0, 1, 0, 1, 0, 1, 0, 0], bool)
    drawn = np.stack(
        [sample_targets(USERS, is_target, 4, np.random.default_rng(seed))[0] for seed in range(100)]
    )
    # The fourth event has one target left; the events from the sixth on have none but themselves.
    assert [sorted(set(column.tolist())) for column in drawn.T] == [[2, 4]] * 3 + [
        [4],
        [4],
        [5],
        [6],
        [7],
        [8],
    ]


def test_sample_targets_weighs_a_target_by_the_number_it_was_drawn_from():
    """In expectation each pair of a place and a later event weighs the same, for all users."""
    _, factor = sample_targets(USERS, ALL, 2, np.random.default_rng(0))
    n_choices = np.array([5, 4, 1, 3, 2])
    early = [0, 1, 5, 6, 7]
    np.testing.assert_allclose(factor[early], 2 * n_choices / n_choices.mean())
    np.testing.assert_array_equal(np.delete(factor, early), np.ones(4))


def test_sample_targets_without_targets_changes_nothing():
    source, factor = sample_targets(USERS, np.zeros(9, bool), 3, np.random.default_rng(0))
    np.testing.assert_array_equal(source, np.arange(9))
    np.testing.assert_array_equal(factor, np.ones(9))
