"""Second neighbours: two steps over histories and content, by hand and against dense products."""

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.item_graphs import second_neighbours


def csr(rows) -> sparse.csr_array:
    return sparse.csr_array(np.array(rows, np.float32))


def random_graph(rng, n, density=0.3):
    dense = rng.random((n, n)) * (rng.random((n, n)) < density)
    np.fill_diagonal(dense, 0)
    return csr(dense)


def test_fit_links_what_was_bought_with_something_similar():
    # 0 and 1 are similar; 2 was bought after 1. Nobody bought 0 with anything.
    bought = csr([[0, 0, 0], [0, 0, 1], [0, 0, 0]])
    similar = csr([[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    found = second_neighbours.fit(bought, similar)
    assert found.dtype == np.float32
    # From 1, the only walk of two steps leads back.
    assert found.toarray().tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("block", [4, 5_000])
def test_fit_equals_the_dense_product(monkeypatch, block):
    monkeypatch.setattr(second_neighbours, "_ITEMS_PER_BLOCK", block)
    rng = np.random.default_rng(0)
    bought, similar = random_graph(rng, 15), random_graph(rng, 15)
    content = similar.toarray()
    steps = bought.toarray() + content / np.maximum(content.sum(axis=1, keepdims=True), 1e-9)
    walks = steps @ steps
    np.fill_diagonal(walks, 0)
    expected = walks / np.maximum(walks.sum(axis=1, keepdims=True), 1e-9)
    found = second_neighbours.fit(bought, similar).toarray()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_fit_steps_to_the_largest_shares_and_keeps_the_largest_ones(monkeypatch):
    monkeypatch.setattr(second_neighbours, "MAX_STEPS", 2)
    monkeypatch.setattr(second_neighbours, "MAX_NEIGHBOURS", 1)
    bought = np.zeros((8, 8))
    bought[0, 1:4] = 0.5, 0.3, 0.2  # the step to 3 is not taken
    bought[1, 5], bought[2, 6], bought[3, 7] = 1, 1, 1
    similar = np.zeros((8, 8))
    similar[4, 4] = 1  # content of some other item
    found = second_neighbours.fit(csr(bought), csr(similar)).toarray()
    assert found[0].tolist() == [0, 0, 0, 0, 0, 1, 0, 0]


def test_fit_without_content_or_items_is_empty():
    rng = np.random.default_rng(0)
    none = sparse.csr_array((9, 9), dtype=np.float32)
    assert second_neighbours.fit(random_graph(rng, 9), none).nnz == 0
    nothing = sparse.csr_array((0, 0), dtype=np.float32)
    assert second_neighbours.fit(nothing, nothing).shape == (0, 0)
