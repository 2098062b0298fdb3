"""Contexts do not depend on packing, chunks, order, padding or the other users."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.data.packing import PackedRows, pack_histories
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import user_contexts
from m6rec_cli.inference.user_histories import UserHistories
from tests.devices import use_defaults
from tests.inference.trained import shop

__all__ = ["shop"]


@pytest.fixture(scope="module")
def histories(shop):
    return UserHistories.of_dataset(shop.loaded, Dataset.open(shop.data), "all")


@settings(deadline=None)
@given(st.integers(0, 10**9))
def test_round_up_size_is_at_most_a_quarter_above(n):
    got = user_contexts.round_up_size(n)
    assert n <= got <= n + n // 4
    assert user_contexts.round_up_size(got) == got


def test_round_up_size_has_five_values_from_1024_to_2048():
    assert len({user_contexts.round_up_size(n) for n in range(1024, 2048)}) == 5


def test_user_contexts_without_users_are_empty(histories):
    h, states = histories.contexts(np.zeros(0, np.int64))
    assert h.shape == (0, 16)
    assert states.shape == (0, histories.run.model.decoder.state_size)


def test_user_contexts_packed_together_equal_those_of_single_users(histories):
    rows = np.arange(len(histories.ids))
    together = histories.contexts(rows)
    for user in (0, 7, 33, 59, 60, 64):
        alone = histories.contexts(np.array([user]))
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[user], b[0], atol=1e-5)


def test_user_contexts_in_another_order_and_repeated_are_the_same(histories):
    rows = np.arange(len(histories.ids))
    order = np.random.default_rng(0).permutation(rows)
    twice = np.concatenate([order, order[:3]])
    for a, b in zip(histories.contexts(rows), histories.contexts(twice), strict=True):
        np.testing.assert_allclose(a[twice], b, atol=1e-5)


def test_user_contexts_in_small_chunks_are_the_same(histories, monkeypatch):
    rows = np.arange(len(histories.ids))
    whole = histories.contexts(rows)
    use_defaults(monkeypatch, context_tokens=64)
    for a, b in zip(whole, histories.contexts(rows), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_user_contexts_with_more_padding_are_the_same(histories):
    """The same histories in longer rows, and two empty rows."""
    rows = np.arange(20)
    packed, row, at = pack_histories(
        histories.events, histories.gaps, rows, len(histories.ids), max_history=200
    )
    wide = {name: np.pad(x, [(0, 2), (0, 64)]) for name, x in packed.arrays().items()}
    wide["item"][:, 64:] = wide["item"][-2:] = -1
    wide["reset"][:, 64] = wide["reset"][-2:, 0] = True
    run, profiles = histories.run, histories.device_profiles(np.arange(len(histories.ids)))
    model, embeddings = run.model, run.catalogue.embeddings
    a, _ = user_contexts.user_contexts(model, embeddings, packed, row, at, profiles)
    b, _ = user_contexts.user_contexts(model, embeddings, PackedRows(**wide), row, at, profiles)
    np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(a, histories.contexts(rows)[0], atol=1e-5)


def test_user_contexts_states_change_with_the_held_out_event(histories):
    """Histories before `test` lack one held-out event; the states differ."""
    run, data = histories.run, Dataset.open(histories.run.path.parent / "data")
    before = UserHistories.of_dataset(run, data, "test")
    rows = np.arange(10)
    assert (
        before.offsets[rows + 1] - before.offsets[rows] + 1
        == histories.offsets[rows + 1] - histories.offsets[rows]
    ).all()
    assert not np.allclose(before.contexts(rows)[1], histories.contexts(rows)[1], atol=1e-3)
