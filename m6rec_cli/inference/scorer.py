"""A finished run as a scorer of the users of a data directory: what `evaluate` asks."""

from pathlib import Path

import jax
import numpy as np
from scipy import sparse

from m6rec_cli import runtime
from m6rec_cli.contexts import rounded
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import near, over
from m6rec_cli.inference.histories import Audience
from m6rec_cli.inference.loaded import LoadedRun, load, warn_of_chance
from m6rec_cli.inference.score import candidates, log_probabilities, products, user_keys, users_per_tile
from m6rec_cli.report import Reporter
from m6rec_cli.settings import Config

_AHEAD = 16_384
"""Users whose histories are read at once."""


class ModelScorer:
    """What orders all items after each user's history as their probabilities do."""

    def __init__(self, run: LoadedRun, audience: Audience, config: Config, users: np.ndarray | None = None):
        """`users` are the sorted rows that will be asked for, in their order: histories are read many at once."""
        self.run, self.audience, self.config = run, audience, config
        self.users, self._first, self._held = users, 0, np.zeros((0, 0), np.float32)
        # The softmax of one draw keeps the order of its logits.
        self._by_logits = config.recommend.draws == 1 and config.recommend.judge_weight == 0

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """f32 (len(user_rows), n_items): logits, or log-probabilities where several draws or the judge need them."""
        n_items = len(self.run.items)
        vectors = self._vectors(user_rows)
        found = near.bonuses(self.audience, user_rows, self.config.recommend.neighbours)
        size = users_per_tile(n_items, 2 * len(user_rows) - 1)
        out = np.empty((len(user_rows), n_items), np.float32)
        for start in range(0, len(user_rows), size):
            # The last tile repeats users, so that its shape is compiled once.
            index = np.minimum(np.arange(start, start + size), len(user_rows) - 1)
            n = min(size, len(user_rows) - start)
            out[start : start + n] = np.asarray(self._tile(vectors[index], user_rows, found, index))[:n]
        if self._by_logits:
            near.add(found, out)
        return out

    def _vectors(self, rows: np.ndarray) -> np.ndarray:
        """What the scores of some users are made from: candidates, or contexts where more than one is drawn."""
        if self.users is None:
            return self._read(rows)
        at = np.searchsorted(self.users, rows) - self._first
        if at[0] < 0 or at[-1] >= len(self._held):
            self._first += int(at[0])
            at -= at[0]
            self._held = self._read(self.users[self._first : self._first + max(_AHEAD, len(rows))])
        return self._held[at]

    def _read(self, rows: np.ndarray) -> np.ndarray:
        contexts, _ = self.audience.contexts(rows)
        if not self._by_logits:
            return contexts
        # Contexts are repeated at the end, so that few shapes are compiled.
        padded = np.resize(contexts, (rounded(len(rows)), contexts.shape[1]))
        return np.asarray(candidates(self.run.model, jax.device_put(padded)))[: len(rows)]

    def _tile(
        self, vectors: np.ndarray, rows: np.ndarray, found: sparse.csr_array, index: np.ndarray
    ) -> jax.Array:
        run, recommend = self.run, self.config.recommend
        shown = jax.device_put(vectors)
        if self._by_logits:
            return products(shown, run.embeddings, run.bias)
        keys = user_keys(run.config.train.seed, self.audience.ids.gather(rows[index]))
        return log_probabilities(
            run.model, shown, run.embeddings, run.bias, near.tile(found, len(run.items), index), keys,
            draws=recommend.draws, judge_weight=recommend.judge_weight,
        )  # fmt: skip


def load_scorer(path: Path, data: Dataset, before: str, config: Config, report: Reporter,
                users: np.ndarray | None = None) -> ModelScorer:  # fmt: skip
    """A scorer of a run over the users of `data`, whose histories end before the split `before`.

    Args:
        users: See `ModelScorer`.

    Raises:
        M6RecError: The features of the data were not fitted as the run's.
    """
    runtime.start()
    without = config.recommend.without
    run = load(path)
    warn_of_chance(run, config.recommend, report)
    run = over.catalogue(run, data, without, report)
    run = over.weighed(run, config.recommend)
    if data.manifest["fingerprint"] not in run.manifest["data_fingerprint"].split("+"):
        report.warn(
            "the run was trained on other data than it is judged on; are the held-out events still unseen?"
        )
    return ModelScorer(
        run, over.without_profiles(Audience.of_dataset(run, data, before), without), config, users
    )
