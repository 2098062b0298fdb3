"""Contexts do not depend on how histories are packed, chunked, ordered or who else is asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.data.packing import PackedRows, pack_histories
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import user_contexts
from m6rec_cli.inference.user_histories import UserHistories
from tests.inference.trained import shop

__all__ = ["shop"]


@pytest.fixture(scope="module")
def audience(shop):
    return UserHistories.of_dataset(shop.loaded, Dataset.open(shop.data), "all")


@settings(deadline=None)
@given(st.integers(0, 10**9))
def test_rounded_is_little_above_and_takes_few_values(n):
    got = user_contexts.round_up_size(n)
    assert n <= got <= n + n // 4
    assert user_contexts.round_up_size(got) == got


def test_rounded_has_at_most_four_values_an_octave():
    assert len({user_contexts.round_up_size(n) for n in range(1024, 2048)}) == 5


def test_user_contexts_of_nobody_are_empty(audience):
    h, states = audience.contexts(np.zeros(0, np.int64))
    assert h.shape == (0, 16)
    assert states.shape == (0, audience.run.model.decoder.state_size)


def test_user_contexts_packed_equal_unpacked(audience):
    rows = np.arange(len(audience.ids))
    together = audience.contexts(rows)
    for user in (0, 7, 33, 59, 60, 64):
        alone = audience.contexts(np.array([user]))
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[user], b[0], atol=1e-5)


def test_user_contexts_order_and_repetition_change_nothing(audience):
    rows = np.arange(len(audience.ids))
    order = np.random.default_rng(0).permutation(rows)
    twice = np.concatenate([order, order[:3]])
    for a, b in zip(audience.contexts(rows), audience.contexts(twice), strict=True):
        np.testing.assert_allclose(a[twice], b, atol=1e-5)


def test_user_contexts_chunks_change_nothing(audience, monkeypatch):
    rows = np.arange(len(audience.ids))
    whole = audience.contexts(rows)
    monkeypatch.setattr(user_contexts, "_CHUNK_TOKENS", {"cpu": 64})
    for a, b in zip(whole, audience.contexts(rows), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_user_contexts_padding_rows_change_nothing(audience):
    """The same histories in rows that are twice as long, at the end of which nothing stands."""
    rows = np.arange(20)
    packed, row, at = pack_histories(
        audience.events, audience.gaps, rows, len(audience.ids), max_history=200
    )
    wide = {name: np.pad(x, [(0, 2), (0, 64)]) for name, x in packed.arrays().items()}
    wide["item"][:, 64:] = wide["item"][-2:] = -1
    wide["reset"][:, 64] = wide["reset"][-2:, 0] = True
    run, profiles = audience.run, audience.device_profiles(np.arange(len(audience.ids)))
    model, embeddings = run.model, run.catalogue.embeddings
    a, _ = user_contexts.user_contexts(model, embeddings, packed, row, at, profiles)
    b, _ = user_contexts.user_contexts(model, embeddings, PackedRows(**wide), row, at, profiles)
    np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(a, audience.contexts(rows)[0], atol=1e-5)


def test_user_contexts_state_is_where_one_more_event_goes_on(audience):
    """What `--before test` sees plus the held-out event is what `all` sees: histories differ by it alone."""
    run, data = audience.run, Dataset.open(audience.run.path.parent / "data")
    before = UserHistories.of_dataset(run, data, "test")
    rows = np.arange(10)
    assert (
        before.offsets[rows + 1] - before.offsets[rows] + 1
        == audience.offsets[rows + 1] - audience.offsets[rows]
    ).all()
    assert not np.allclose(before.contexts(rows)[1], audience.contexts(rows)[1], atol=1e-3)
