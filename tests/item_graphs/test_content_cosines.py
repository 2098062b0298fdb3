"""Cosines of item content: definitions, new items, and users' means."""

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.item_graphs import bm25, content_cosines
from m6rec_cli.item_graphs.content_cosines import most_similar_items
from tests.worlds import planted_content


def terms(n=30, n_terms=12, seed=0):
    """Random term counts; item 4 has no terms."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 3, (n, n_terms)) * (rng.random((n, n_terms)) < 0.3)
    counts[4] = 0
    return [sparse.csr_array(counts.astype(np.float32))]


def vectors(n=30, seed=0):
    """Random vectors; item 7 has none."""
    found = np.random.default_rng(seed).standard_normal((n, 5)).astype(np.float32)
    found[7] = 0
    return found


def cosine(x):
    length = np.linalg.norm(x, axis=1, keepdims=True)
    unit = x / np.maximum(length, 1e-12)
    return unit @ unit.T


def largest_of_rows(matrix, k):
    """The k largest positive values of each row, all else 0."""
    least = np.sort(matrix, axis=1)[:, -k][:, None]
    return np.where((matrix >= least) & (matrix > 0), matrix, 0)


@pytest.mark.parametrize("k", [3, 100])
@pytest.mark.parametrize("cells", [1, 100, 20_000_000])
def test_most_similar_items_are_the_largest_cosines_in_any_blocks(monkeypatch, k, cells):
    monkeypatch.setattr(content_cosines, "CELLS_PER_BLOCK", cells)
    monkeypatch.setattr(content_cosines, "MAX_SIMILAR", k)
    x = vectors()
    found = most_similar_items([], [x, 3 * x[:, :2] + 1], np.ones(30, bool))
    assert found.keys() == {"vectors"}
    whole = [content_cosines.whiten(v) for v in (x, 3 * x[:, :2] + 1)]
    expected = largest_of_rows(cosine(np.concatenate(whole, axis=1)), min(k, 30))
    np.testing.assert_allclose(found["vectors"].toarray(), expected, atol=1e-5)


def test_most_similar_items_by_words_are_cosines_of_bm25_vectors():
    counts, warm = terms(), np.arange(30) < 25
    found = most_similar_items(counts, [], warm)
    assert found.keys() == {"words"}
    expected = np.maximum(cosine(bm25.unit_vectors(counts, warm).toarray()), 0)
    np.testing.assert_allclose(found["words"].toarray(), expected, atol=1e-5)
    assert not found["words"].toarray()[4].any()
    assert most_similar_items([], [], warm) == {}


def test_with_new_items_compares_them_with_all_items_by_words():
    counts, warm = terms(), np.arange(30) < 25
    old = [sparse.csr_array(block[:25]) for block in counts]
    whole = most_similar_items(counts, [], warm)["words"].toarray()
    before = most_similar_items(old, [], warm[:25])["words"]
    found = content_cosines.with_new_items(before, counts, warm).toarray()
    np.testing.assert_allclose(found, whole, atol=1e-5)
    assert found[25:, :25].any()
    np.testing.assert_array_equal(found[:25, 25:], found[25:, :25].T)


def test_with_new_items_without_words_leaves_them_without_similar_items():
    before = most_similar_items(terms(), [], np.ones(30, bool))["words"]
    found = content_cosines.with_new_items(before, [], np.arange(33) < 30).toarray()
    np.testing.assert_array_equal(found[:30, :30], before.toarray())
    assert not found[30:].any()
    assert not found[:, 30:].any()


def test_of_users_is_the_mean_weighted_by_age():
    graph = most_similar_items(terms(), [], np.ones(30, bool))["words"]
    owner, items = np.array([0, 0, 0, 2]), np.array([3, 8, 3, 11])
    found = content_cosines.of_users(graph, owner, items, 3)
    rows = graph.toarray()
    expected = (0.25 * rows[3] + 0.5 * rows[8] + rows[3]) / 1.75
    np.testing.assert_allclose(found.toarray(), [expected, np.zeros(30), rows[11]], rtol=1e-5)


def test_filled_vectors_are_zero_where_they_are_missing(tmp_path):
    data = planted_content(tmp_path / "data", n_users=4)
    (found,) = content_cosines.filled_vectors(data.specs, data.feature)
    look = next(data.feature(s) for s in data.specs if s.name == "look")
    np.testing.assert_array_equal(found, look.values)
    hidden = look.__class__(look.values, np.arange(len(look.mask)) > 2)
    (found,) = content_cosines.filled_vectors(data.specs, lambda spec: hidden)
    assert not found[:3].any()
    np.testing.assert_array_equal(found[3:], look.values[3:])


def test_whiten_vectors_are_decorrelated_and_of_length_1():
    rng = np.random.default_rng(0)
    vectors = (rng.standard_normal((500, 3)) @ np.diag([9, 1, 0.5]) + 20).astype(np.float32)
    vectors[7] = 0
    out = content_cosines.whiten(vectors)
    assert not out[7].any()
    np.testing.assert_allclose(np.linalg.norm(np.delete(out, 7, 0), axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.corrcoef(out.T), np.eye(3), atol=0.15)
