"""What a kept state depends on, as numbers that tell whether it changed: the run, and each user's profile."""

import hashlib

import numpy as np

from m6rec_cli.checkpoint import CONFIG, RUN
from m6rec_cli.inference.histories import Audience
from m6rec_cli.inference.loaded import LoadedRun


def fingerprint(run: LoadedRun) -> str:
    """A digest of what a decoder state depends on besides the events: configuration, manifest, parameters."""
    total = hashlib.sha256()
    # The seal of a step holds the digests of all its files.
    for name in (CONFIG, RUN, f"steps/{run.manifest['best']['step']}.json"):
        total.update((run.path / name).read_bytes())
    return total.hexdigest()


def profile_digests(audience: Audience, n: int) -> np.ndarray:
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
                total ^ (words[:, column].astype(np.uint64) + np.uint64((number * 65_537 + column + 1) << 32))
            ) * prime
            total = np.where(there, mixed, total)
    return total
