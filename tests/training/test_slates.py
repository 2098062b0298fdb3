"""Generated and real slates: rows of the catalogue forward, the softmax backward; and rewards."""

import jax
import jax.numpy as jnp
import numpy as np

from m6rec_cli.model.discriminator import unit_mean_square
from m6rec_cli.training import slates

KEY = jax.random.key(0)
VALUES = unit_mean_square(jax.random.normal(jax.random.key(1), (7, 4)))
LOGITS = jax.random.normal(jax.random.key(2), (5, 7))


def rows_of(drawn):
    """The catalogue rows that equal each drawn item bit for bit."""
    return (np.asarray(drawn)[..., None, :] == np.asarray(VALUES)).all(axis=-1)


def test_sampled_items_are_different_rows_of_the_catalogue():
    found = rows_of(slates.sample(LOGITS, VALUES, 3, KEY))
    assert (found.sum(axis=-1) == 1).all()
    assert (found.sum(axis=1) <= 1).all()


def test_sampled_items_follow_the_softmax():
    n = 4000
    logits = jnp.broadcast_to(LOGITS[:1], (n, 7))
    shares = rows_of(slates.sample(logits, VALUES, 1, KEY))[:, 0].mean(axis=0)
    np.testing.assert_allclose(shares, jax.nn.softmax(LOGITS[0]), atol=0.03)


def test_an_excluded_item_is_never_sampled():
    logits = LOGITS.at[:, 3].set(-1e9)
    assert not rows_of(slates.sample(logits, VALUES, 6, KEY))[..., 3].any()


def test_sample_has_the_gradient_of_the_mean_under_the_softmax():
    """Of the Gumbel softmax for the first item, of the items that are left for the second."""
    noisy = LOGITS + jax.random.gumbel(KEY, LOGITS.shape)
    first = jnp.argmax(noisy, axis=1)

    def through_sample(logits, j):
        return slates.sample(logits, VALUES, 2, KEY)[:, j].sum()

    def through_mean(logits, left):
        noisy = logits + jax.random.gumbel(KEY, logits.shape)
        return (jax.nn.softmax(jnp.where(left, noisy, -jnp.inf), axis=1) @ VALUES).sum()

    every = jnp.ones((5, 7), bool)
    for j, left in enumerate((every, every.at[jnp.arange(5), first].set(False))):
        found = jax.grad(through_sample)(LOGITS, j)
        assert np.abs(found).max() > 1e-3
        np.testing.assert_allclose(found, jax.grad(through_mean)(LOGITS, left), atol=1e-5)


def test_mean_pairs_swap_the_weights_of_the_target_and_the_top_item():
    target = jnp.array([0, 1, 2, 3, 4])
    real, fake = slates.mean_pairs(LOGITS, VALUES, target, KEY)
    weights = np.array(jax.nn.softmax(LOGITS + jax.random.gumbel(KEY, LOGITS.shape), axis=1))
    np.testing.assert_allclose(fake, weights @ VALUES, rtol=1e-4, atol=1e-6)
    for row, (top, own) in enumerate(zip(weights.argmax(axis=1), target, strict=True)):
        weights[row, [top, own]] = weights[row, [own, top]]
    np.testing.assert_allclose(real, weights @ VALUES, rtol=1e-4, atol=1e-6)


def test_real_mean_of_mean_pairs_has_no_gradient():
    def total(logits):
        return slates.mean_pairs(logits, VALUES, jnp.zeros(5, int), KEY)[0].sum()

    assert not jax.grad(total)(LOGITS).any()


def test_next_items_end_with_the_history_and_leave_out_what_is_no_target():
    target = jnp.array([[10, 11, 12, 13, 20, 21]])
    is_target = jnp.array([[True, True, False, True, True, True]])
    reset = jnp.array([[True, False, False, False, True, False]])
    found = slates.next_items(target, is_target, reset, 3)
    listed = [
        rows[mask].tolist()
        for rows, mask in zip(np.asarray(found.rows), np.asarray(found.mask), strict=True)
    ]
    assert listed == [[10, 11], [11, 13], [13], [13], [20, 21], [21]]


def test_history_means_are_those_of_the_items_up_to_each_position():
    item = jnp.array([[-1, 0, 1, -1, 2, 3], [-1, 4, -1, 5, 6, -1]])
    found = slates.history_means(VALUES, item, item < 0).reshape(2, 6, 4)
    empty = np.zeros(4)
    expected = [
        [empty, VALUES[0], (VALUES[0] + VALUES[1]) / 2, empty, VALUES[2], VALUES[2:4].mean(axis=0)],
        [empty, VALUES[4], empty, VALUES[5], VALUES[5:7].mean(axis=0), empty],
    ]
    np.testing.assert_allclose(found, np.array(expected), atol=1e-6)


def test_diversity_is_one_minus_the_mean_cosine_in_any_order():
    slate = VALUES[None, :3]
    unit = np.asarray(VALUES[:3]) / np.linalg.norm(VALUES[:3], axis=1, keepdims=True)
    cosines = unit @ unit.T
    expected = 1 - (cosines.sum() - 3) / 6
    np.testing.assert_allclose(slates.diversity(slate)[0], expected, rtol=1e-4)
    np.testing.assert_allclose(slates.diversity(slate[:, ::-1])[0], expected, rtol=1e-4)
    same = jnp.broadcast_to(VALUES[:1], (1, 3, 4))
    np.testing.assert_allclose(slates.diversity(same)[0], 0, atol=1e-5)


def test_calibration_is_highest_at_the_history_and_0_without_one():
    slate = jnp.stack([VALUES[:2], VALUES[:2], VALUES[:2]])
    history = jnp.stack([VALUES[:2].mean(axis=0), VALUES[5], jnp.zeros(4)])
    near, far, none = slates.calibration(slate, history)
    np.testing.assert_allclose(near, 0, atol=1e-6)
    np.testing.assert_allclose(far, -np.mean((VALUES[:2].mean(axis=0) - VALUES[5]) ** 2), rtol=1e-5)
    assert none == 0
