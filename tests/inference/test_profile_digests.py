"""Digests of encoded profiles."""

import numpy as np

from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.inference.profile_digests import profile_digests


def digests_of(values, mask=None, dtype=np.int32):
    values = np.asarray(values, dtype)
    mask = np.ones(len(values), bool) if mask is None else mask
    return profile_digests({"f": FeatureArray(values, mask)}, len(values))


def test_profile_digests_differ_between_lists_and_ignore_padding():
    digests = digests_of([[1, 2, -1], [2, 1, -1], [1, -1, -1], [1, 2, 0]])
    assert len(set(digests.tolist())) == 4
    np.testing.assert_array_equal(digests_of([[1, 2], [2, 1], [1, -1]]), digests[:3])


def test_profile_digests_are_zero_for_missing_values_only():
    assert digests_of([[1.5], [0.0]], np.array([True, False]), np.float32)[1] == 0
    assert digests_of([[0.0]], dtype=np.float32)[0] != 0


def test_profile_digests_differ_between_pictures():
    pictures = np.eye(4, dtype=np.uint8)[:, :, None]
    assert len(set(digests_of(pictures, dtype=np.uint8).tolist())) == 4
