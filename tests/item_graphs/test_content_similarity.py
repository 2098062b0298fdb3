"""The content-similarity graph: dense arithmetic, new items, the bound on the search, files."""

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.item_graphs import bm25, content_similarity
from tests.data_directories import Column, write_data


def blocks(seed=0, n_items=30):
    rng = np.random.default_rng(seed)
    counts = [rng.poisson(0.3, (n_items, 12)), rng.random((n_items, 5)) < 0.2]
    for block in counts:
        block[4] = 0  # an item without content
    return [sparse.csr_array(np.asarray(block, np.float32)) for block in counts]


def expected_graph(cosine, candidates):
    """Shares of each column's ten nearest candidates; ties prefer those that follow the item."""
    out = np.zeros_like(cosine)
    for j in range(len(cosine)):
        n = len(candidates)
        mine = [
            (-cosine[i, j], (i - j - 1) % n, i) for i in candidates if i != j and cosine[i, j] > 0
        ]
        best = sorted(mine)[:10]
        for value, _, i in best:
            out[i, j] = value / sum(v for v, _, _ in best)
    return out


@pytest.mark.parametrize("n_cells", [10**7, 100, 1])
def test_similarity_graph_in_blocks_of_any_size_equals_the_definition(monkeypatch, n_cells):
    monkeypatch.setattr(content_similarity, "CELLS_PER_BLOCK", n_cells)
    warm = np.arange(30) % 3 > 0
    vectors = bm25.unit_vectors(blocks(), warm).toarray()
    progress = []
    got = content_similarity.similarity_graph(blocks(), warm, on_progress=progress.append).toarray()
    assert (sum(progress), len(progress)) == (30, {10**7: 1, 100: 10, 1: 30}[n_cells])
    np.testing.assert_allclose(got, expected_graph(vectors @ vectors.T, range(30)), atol=1e-5)
    assert not got[:, 4].any()
    assert not got[4].any()
    assert not got.diagonal().any()


def test_similarity_graph_of_new_items_fills_their_columns_alone():
    warm = np.arange(30) < 25
    vectors = bm25.unit_vectors(blocks(), warm).toarray()
    got = content_similarity.similarity_graph(blocks(), warm, first_new=25).toarray()
    want = expected_graph(vectors @ vectors.T, range(25))
    want[:, :25] = 0
    np.testing.assert_allclose(got, want, atol=1e-5)
    assert got[:, 25:].any()


def test_similarity_graph_of_items_with_equal_content_spreads_their_neighbours():
    same = [sparse.csr_array(np.repeat(np.eye(2, dtype=np.float32), 40, axis=0))]
    got = content_similarity.similarity_graph(same, np.ones(80, bool)).toarray()
    assert ((got > 0).sum(axis=0) == 10).all()
    assert ((got > 0).sum(axis=1) <= 20).all(), "the first items must not be the neighbours of all"
    assert (got > 0).any(axis=1).all()


def test_similarity_graph_of_new_items_with_equal_content_spreads_over_warm_items():
    same = [sparse.csr_array(np.ones((80, 1), np.float32))]
    got = content_similarity.similarity_graph(same, np.arange(80) < 40, first_new=40).toarray()
    assert ((got[:, 40:] > 0).sum(axis=0) == 10).all()
    assert ((got > 0).sum(axis=1) <= 10).all()


def test_similarity_graph_without_warm_items_takes_statistics_of_all():
    of_all = content_similarity.similarity_graph(blocks(), np.ones(30, bool)).toarray()
    np.testing.assert_array_equal(
        content_similarity.similarity_graph(blocks(), np.zeros(30, bool)).toarray(), of_all
    )


def test_similarity_graph_without_content_is_empty():
    assert (
        content_similarity.similarity_graph([], np.ones(3, bool)).toarray().tolist()
        == [[0] * 3] * 3
    )
    no_terms = sparse.csr_array((3, 2), dtype=np.float32)
    assert (
        content_similarity.similarity_graph([no_terms], np.ones(3, bool)).toarray().tolist()
        == [[0] * 3] * 3
    )


def test_similarity_graph_of_too_many_products_leaves_out_frequent_terms(monkeypatch):
    # All items have the first term, two have the second.
    counts = np.zeros((12, 2), np.float32)
    counts[:, 0], counts[[3, 7], 1] = 1, 1
    warm = np.ones(12, bool)
    assert (
        content_similarity.similarity_graph([sparse.csr_array(counts)], warm).toarray() > 0
    ).sum() == 12 * 10
    # 12 products are allowed; the second term takes 4 and the first 144.
    monkeypatch.setattr(content_similarity, "PRODUCTS_PER_ITEM", 1)
    got = content_similarity.similarity_graph([sparse.csr_array(counts)], warm).toarray()
    assert np.argwhere(got).tolist() == [[3, 7], [7, 3]]
    assert got[3, 7] == got[7, 3] == 1


def test_term_counts_leave_out_code_0_and_masked_items(tmp_path):
    features = {
        "style": Column("categorical", [0, 1, 2], size=3),
        "tags": Column("set", [[0, 1], [1, 1], [2]], np.array([True, True, False]), size=3),
        "title": Column("text", [[0, 0], [4], [1, 2]], size=5),
        "price": Column("numeric", [1.0, 2.0, 3.0]),
    }
    data = write_data(tmp_path, [0, 0, 0], [0, 1, 2], item_features=features)
    style, tags, title = (
        block.toarray().tolist()
        for block in content_similarity.term_counts(data.specs, data.feature)
    )
    assert style == [[0, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert tags == [[0, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert title == [[2, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 1, 1, 0, 0]]


def test_load_term_counts_equals_the_saved_counts(tmp_path):
    features = {
        "tags": Column("set", [[1], [1, 2], [2]], size=3),
        "price": Column("numeric", [1.0, 2.0, 3.0]),
        "title": Column("text", [[0, 0], [4], [1, 2]], size=5),
    }
    data = write_data(tmp_path / "data", [0, 0, 0], [0, 1, 2], item_features=features)
    counts = content_similarity.term_counts(data.specs, data.feature)
    content_similarity.save_term_counts(tmp_path / "term_counts.npz", counts)
    for got, want in zip(
        content_similarity.load_term_counts(tmp_path / "term_counts.npz", data.specs, 3),
        counts,
        strict=True,
    ):
        np.testing.assert_array_equal(got.toarray(), want.toarray())
    with pytest.raises(ValueError, match="it has 8 terms, not 3"):
        content_similarity.load_term_counts(tmp_path / "term_counts.npz", data.specs[:1], 3)
    with pytest.raises(ValueError, match="it has 3 items, not 4"):
        content_similarity.load_term_counts(tmp_path / "term_counts.npz", data.specs, 4)
    content_similarity.save_term_counts(tmp_path / "empty.npz", [])
    assert content_similarity.load_term_counts(tmp_path / "empty.npz", data.specs[1:2], 3) == []
