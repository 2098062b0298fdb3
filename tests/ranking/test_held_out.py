"""Candidates of held-out events: which items, and what is known of each."""

import dataclasses

import numpy as np
import pytest

from m6rec_cli.ranking import held_out
from m6rec_cli.ranking.candidates import NAMES
from m6rec_cli.ranking.held_out import candidates
from tests.ranking.held_out_worlds import fixed_order, held_out_events


def small_world(rng, hidden=None):
    histories, targets = rng.integers(0, 9, (6, 4)), rng.integers(0, 9, 6)
    words = rng.random((9, 9)) * (rng.random((9, 9)) < 0.5)
    logits = rng.standard_normal((6, 9)).astype(np.float32)
    return held_out_events(histories, targets, logits, hidden, words), logits


def test_candidates_of_a_small_catalogue_are_all_items():
    events, logits = small_world(np.random.default_rng(0))
    events = dataclasses.replace(events, n_events=np.array([0, 1, 2, 4, 7, 500]))
    found = candidates(events)
    assert len(found) == 6
    assert found.offsets.tolist() == [0, 9, 18, 27, 36, 45, 54]
    assert not found.log_copies.any()
    assert (found.target - found.offsets[:-1]).tolist() == events.target.tolist()
    values: dict[str, np.ndarray] = dict(
        zip(NAMES, found.values.reshape(len(NAMES), 6, 9), strict=True)
    )
    shares = events.evidence.shares.toarray()
    counts = np.expm1(events.evidence.repeats.toarray())
    assert set(counts.ravel().round(5).tolist()) >= {0, 1, 2}
    length = np.log1p([0, 1, 2, 4, 7, 200])
    assert found.mean_log_length == pytest.approx(length.mean())
    length = (length - length.mean())[:, None]
    model = logits - logits.max(axis=1, keepdims=True)
    popularity = np.broadcast_to(events.popularity, (6, 9))
    expected = {
        "model": model,
        "model_by_length": length * model,
        "popularity": popularity,
        "popularity_by_length": length * popularity,
        "neighbours": np.log1p(0.1 * 9 * shares),
        "close_neighbours": np.log1p(10 * 9 * shares),
        "second_neighbours": np.log1p(9 * events.evidence.second_shares.toarray()),
        "followers": np.log1p(10 * 9 * events.evidence.followers.toarray()),
        "repeats": np.log1p(counts),
        "words": events.evidence.cosines["words"].toarray(),
        "vectors": np.zeros((6, 9)),
    }
    assert values.keys() == expected.keys()
    assert values["second_neighbours"].any()
    for name, value in expected.items():
        np.testing.assert_allclose(values[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("most_whole", [500, 1])
def test_candidates_are_of_the_domain_of_the_target(monkeypatch, most_whole):
    monkeypatch.setattr(held_out, "MAX_WHOLE", most_whole)
    events, _ = small_world(np.random.default_rng(0))
    if most_whole == 1:
        monkeypatch.setattr(held_out, "_N_BEST", 2)
    domain = np.repeat([0, 1], [4, 5])
    found = candidates(dataclasses.replace(events, domain=domain))
    sizes = np.diff(found.offsets)
    assert sizes.tolist() == [4 if target < 4 else 5 for target in events.target]
    assert set(sizes) == {4, 5}
    rows = [np.flatnonzero(domain == domain[target]) for target in events.target]
    places = [np.flatnonzero(own == t)[0] for own, t in zip(rows, events.target, strict=True)]
    assert (found.target - found.offsets[:-1]).tolist() == places


def test_candidates_leave_out_hidden_items_and_events_on_them():
    rng = np.random.default_rng(1)
    hidden = rng.random((6, 9)) < 0.4
    events, _ = small_world(rng, hidden)
    found = candidates(events)
    listed = np.flatnonzero(~hidden[np.arange(6), events.target])
    assert 0 < len(listed) < 6
    assert len(found) == len(listed)
    assert np.diff(found.offsets).tolist() == (~hidden[listed]).sum(axis=1).tolist()
    for place, event in enumerate(listed):
        rows = np.flatnonzero(~hidden[event])
        assert rows[found.target[place] - found.offsets[place]] == events.target[event]


def test_candidates_without_events_are_none():
    events, _ = small_world(np.random.default_rng(1), np.ones((6, 9), bool))
    found = candidates(events)
    assert len(found) == 0
    assert found.offsets.tolist() == [0]
    assert found.values.shape == (len(NAMES), 0)


def test_candidates_of_many_events_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr(held_out, "MAX_EVENTS", 50)
    events = fixed_order(n_users=300)
    chosen = events.listed()
    assert len(candidates(events)) == len(chosen) == 50
    assert chosen[[0, -1]].tolist() == [0, 299]
    assert set(np.diff(chosen)) == {6, 7}


def test_candidates_in_tiles_equal_the_whole(monkeypatch):
    events = fixed_order(n_users=40)
    whole = candidates(events)
    monkeypatch.setattr(held_out, "_TILE_LOGITS", 7 * 60)
    tiled = candidates(events)
    np.testing.assert_array_equal(tiled.values, whole.values)
    np.testing.assert_array_equal(tiled.target, whole.target)


def test_candidates_of_a_large_catalogue_hold_what_matters_and_stand_for_all(monkeypatch):
    for name, value in {"MAX_WHOLE": 20, "_N_BEST": 4, "_N_POPULAR": 3, "_N_RANDOM": 8}.items():
        monkeypatch.setattr(held_out, name, value)
    n_items, hidden = 60, np.random.default_rng(5).random((30, 60)) < 0.2
    world = fixed_order(n_users=30, n_items=n_items)
    events = dataclasses.replace(world, hidden=held_out.sparse.csr_array(hidden))
    found = candidates(events)
    shares, popular = world.evidence.shares.toarray(), world.popularity
    for place, event in enumerate(events.listed()):
        own = slice(*found.offsets[place : place + 2])
        copies = np.exp(found.log_copies[own])
        listed = ~hidden[event]
        assert copies.sum() == pytest.approx(listed.sum(), rel=1e-5)
        assert found.log_copies[found.target[place]] == 0
        # Every item that the model, the graph or popularity prefers stands for itself alone.
        logits = world.logits(np.array([event]))[0]
        logits = logits - logits[listed].max()
        values = dict(zip(NAMES, found.values[:, own], strict=True))
        best = np.argsort(np.where(listed, -logits, np.inf))[:4]
        wanted = np.isin(np.arange(n_items), best)
        wanted[np.argsort(-popular, kind="stable")[:3]] = True
        single = values["model"][copies == 1]
        for item in np.flatnonzero(wanted & listed):
            assert np.isclose(single, logits[item]).any()
        gain = np.log1p(0.1 * n_items * shares[event] * listed)
        assert values["neighbours"].max() == pytest.approx(gain.max(), rel=1e-5)


def test_take_gives_the_candidates_of_some_events():
    events, _ = small_world(np.random.default_rng(1), np.random.default_rng(2).random((6, 9)) < 0.2)
    whole = candidates(events)
    chosen = np.array([0, 2, len(whole) - 1])
    part = whole.take(chosen)
    assert len(part) == 3
    for place, event in enumerate(chosen):
        mine, theirs = (slice(*c.offsets[e : e + 2]) for c, e in ((part, place), (whole, event)))
        np.testing.assert_array_equal(part.values[:, mine], whole.values[:, theirs])
        np.testing.assert_array_equal(part.log_copies[mine], whole.log_copies[theirs])
        assert part.target[place] - mine.start == whole.target[event] - theirs.start
