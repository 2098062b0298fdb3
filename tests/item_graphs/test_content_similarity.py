"""What items are alike to: the definition by dense arithmetic, new items, the bound on the search, and files."""

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.item_graphs import bm25, content_similarity
from tests import worlds


def blocks(seed=0, n_items=30):
    rng = np.random.default_rng(seed)
    made = [rng.poisson(0.3, (n_items, 12)), rng.random((n_items, 5)) < 0.2]
    for block in made:
        block[4] = 0  # an item of which nothing is known
    return [sparse.csr_array(np.asarray(block, np.float32)) for block in made]


def by_loops(cosine, candidates):
    """The ten most alike of the candidates, in shares, of equal ones those that follow the item, going round; column by column."""
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


@pytest.mark.parametrize("at_once", [10**7, 100, 1])
def test_graph_is_the_definition_whatever_the_blocks(monkeypatch, at_once):
    monkeypatch.setattr(content_similarity, "_CELLS_AT_ONCE", at_once)
    known = np.arange(30) % 3 > 0
    made = bm25.vectors(blocks(), known).toarray()
    told = []
    got = content_similarity.graph(blocks(), known, told=told.append).toarray()
    assert (sum(told), len(told)) == (30, {10**7: 1, 100: 10, 1: 30}[at_once])
    np.testing.assert_allclose(got, by_loops(made @ made.T, range(30)), atol=1e-5)
    assert not got[:, 4].any()
    assert not got[4].any()
    assert not got.diagonal().any()


def test_graph_of_new_items_is_that_of_the_old_ones_and_new_columns():
    known = np.arange(30) < 25
    made = bm25.vectors(blocks(), known).toarray()
    got = content_similarity.graph(blocks(), known, first=25).toarray()
    want = by_loops(made @ made.T, range(25))
    want[:, :25] = 0
    np.testing.assert_allclose(got, want, atol=1e-5)
    assert got[:, 25:].any()


def test_graph_of_items_that_are_made_the_same_is_evenly_spread():
    same = [sparse.csr_array(np.repeat(np.eye(2, dtype=np.float32), 40, axis=0))]
    got = content_similarity.graph(same, np.ones(80, bool)).toarray()
    assert ((got > 0).sum(axis=0) == 10).all()
    assert ((got > 0).sum(axis=1) <= 20).all(), "the first ones would be the neighbours of all"
    assert (got > 0).any(axis=1).all()


def test_graph_of_new_items_that_are_made_the_same_spreads_over_the_known_ones():
    same = [sparse.csr_array(np.ones((80, 1), np.float32))]
    got = content_similarity.graph(same, np.arange(80) < 40, first=40).toarray()
    assert ((got[:, 40:] > 0).sum(axis=0) == 10).all()
    assert ((got > 0).sum(axis=1) <= 10).all()


def test_graph_without_known_items_counts_all():
    everything = content_similarity.graph(blocks(), np.ones(30, bool)).toarray()
    np.testing.assert_array_equal(
        content_similarity.graph(blocks(), np.zeros(30, bool)).toarray(), everything
    )


def test_graph_of_nothing_is_empty():
    assert content_similarity.graph([], np.ones(3, bool)).toarray().tolist() == [[0] * 3] * 3
    nothing = sparse.csr_array((3, 2), dtype=np.float32)
    assert content_similarity.graph([nothing], np.ones(3, bool)).toarray().tolist() == [[0] * 3] * 3


def test_graph_leaves_the_most_common_terms_out_of_a_search_that_takes_too_much(monkeypatch):
    # Every item has the first term, two have the second one.
    counts = np.zeros((12, 2), np.float32)
    counts[:, 0], counts[[3, 7], 1] = 1, 1
    known = np.ones(12, bool)
    assert (
        content_similarity.graph([sparse.csr_array(counts)], known).toarray() > 0
    ).sum() == 12 * 10
    monkeypatch.setattr(
        content_similarity, "_WORK_PER_ITEM", 1
    )  # of twelve products four are of the second term
    got = content_similarity.graph([sparse.csr_array(counts)], known).toarray()
    assert np.argwhere(got).tolist() == [[3, 7], [7, 3]]
    assert got[3, 7] == got[7, 3] == 1


def test_counts_leave_out_the_code_of_rare_ones_and_what_is_missing(tmp_path):
    features = {
        "style": worlds.Column("categorical", [0, 1, 2], size=3),
        "tags": worlds.Column("set", [[0, 1], [1, 1], [2]], np.array([True, True, False]), size=3),
        "title": worlds.Column("text", [[0, 0], [4], [1, 2]], size=5),
        "price": worlds.Column("numeric", [1.0, 2.0, 3.0]),
    }
    data = worlds.write_data(tmp_path, [0, 0, 0], [0, 1, 2], item_features=features)
    style, tags, title = (
        block.toarray().tolist() for block in content_similarity.counts(data.specs, data.feature)
    )
    assert style == [[0, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert tags == [[0, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert title == [[2, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 1, 1, 0, 0]]


def test_counts_are_kept(tmp_path):
    features = {
        "tags": worlds.Column("set", [[1], [1, 2], [2]], size=3),
        "price": worlds.Column("numeric", [1.0, 2.0, 3.0]),
        "title": worlds.Column("text", [[0, 0], [4], [1, 2]], size=5),
    }
    data = worlds.write_data(tmp_path / "data", [0, 0, 0], [0, 1, 2], item_features=features)
    made = content_similarity.counts(data.specs, data.feature)
    content_similarity.save(tmp_path / "content.npz", made)
    for got, want in zip(
        content_similarity.load(tmp_path / "content.npz", data.specs, 3), made, strict=True
    ):
        np.testing.assert_array_equal(got.toarray(), want.toarray())
    with pytest.raises(ValueError, match="it has 8 terms, not 3"):
        content_similarity.load(tmp_path / "content.npz", data.specs[:1], 3)
    with pytest.raises(ValueError, match="it has 3 items, not 4"):
        content_similarity.load(tmp_path / "content.npz", data.specs, 4)
    content_similarity.save(tmp_path / "empty.npz", [])
    assert content_similarity.load(tmp_path / "empty.npz", data.specs[1:2], 3) == []
