"""Encoded profiles to digests that tell whether a profile changed."""

from collections.abc import Mapping

import numpy as np

from m6rec_cli.data.feature_arrays import FeatureArray


def profile_digests(profiles: Mapping[str, FeatureArray], n: int) -> np.ndarray:
    """A digest of the encoded profile of each of the first `n` users, uint64; 0 without a profile.

    FNV-1a over the known values, written out because the hashes of libraries change with their
    versions. A value is hashed with its column number: padding a list to another width changes
    nothing.
    """
    prime, total = np.uint64(0x100000001B3), np.zeros(n, np.uint64)
    for number, (_, array) in enumerate(sorted(profiles.items())):
        mask = array.mask[:n]
        if n == 0 or not mask.any():
            continue
        values = np.ascontiguousarray(np.asarray(array.values)[:n].reshape(n, -1))
        words = values.astype(np.uint32) if values.dtype == np.uint8 else values.view(np.uint32)
        has_padding = np.issubdtype(values.dtype, np.signedinteger)
        for column in range(words.shape[1]):
            known = mask & (values[:, column] >= 0) if has_padding else mask
            salt = np.uint64((number * 65_537 + column + 1) << 32)
            mixed = (total ^ (words[:, column].astype(np.uint64) + salt)) * prime
            total = np.where(known, mixed, total)
    return total
