"""Each user's profile as a number that tells whether it changed."""

import numpy as np

from m6rec_cli.inference.user_histories import UserHistories


def profile_digests(audience: UserHistories, n: int) -> np.ndarray:
    """One number for the encoded profile of each of the first `n` users, uint64; 0 for no profile at all.

    FNV-1a over the known values, written out: hashes of libraries may change with their versions. A value mixes in
    with its column's number, so that lists padded to another width have the same digest.
    """
    prime, total = np.uint64(0x100000001B3), np.zeros(n, np.uint64)
    for number, (_, array) in enumerate(sorted(audience.profiles.items())):
        mask = array.mask[:n]
        if n == 0 or not mask.any():
            continue
        values = np.ascontiguousarray(np.asarray(array.values)[:n].reshape(n, -1))
        words = values.astype(np.uint32) if values.dtype == np.uint8 else values.view(np.uint32)
        padding = np.issubdtype(values.dtype, np.signedinteger)
        for column in range(words.shape[1]):
            there = mask & (values[:, column] >= 0) if padding else mask
            mixed = (
                total
                ^ (
                    words[:, column].astype(np.uint64)
                    + np.uint64((number * 65_537 + column + 1) << 32)
                )
            ) * prime
            total = np.where(there, mixed, total)
    return total
