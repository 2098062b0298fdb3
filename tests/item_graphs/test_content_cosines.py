"""Cosines of item content: definitions, new items, and users' means."""

import numpy as np

from m6rec_cli.item_graphs import content_cosines


def test_whiten_vectors_are_decorrelated_and_of_length_1():
    rng = np.random.default_rng(0)
    vectors = (rng.standard_normal((500, 3)) @ np.diag([9, 1, 0.5]) + 20).astype(np.float32)
    vectors[7] = 0
    out = content_cosines.whiten(vectors)
    assert not out[7].any()
    np.testing.assert_allclose(np.linalg.norm(np.delete(out, 7, 0), axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.corrcoef(out.T), np.eye(3), atol=0.15)
