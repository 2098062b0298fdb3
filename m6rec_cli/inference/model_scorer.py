"""A finished run as a scorer of the users of a data directory: what `evaluate` asks."""

from pathlib import Path

import jax
import numpy as np
from scipy import sparse

from m6rec_cli.config.settings import Config
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution.user_contexts import round_up_size
from m6rec_cli.inference import graph_boost, other_catalogue
from m6rec_cli.inference.loaded_run import LoadedRun, load, warn_of_chance
from m6rec_cli.inference.scores import (
    candidates,
    log_probabilities,
    products,
    user_keys,
    users_per_tile,
)
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.system import runtime
from m6rec_cli.system.progress import Reporter

_AHEAD = 8_192
"""Users whose histories and neighbours are read at once."""


class ModelScorer:
    """What orders all items after each user's history as their probabilities do."""

    def __init__(
        self,
        run: LoadedRun,
        audience: UserHistories,
        config: Config,
        users: np.ndarray | None = None,
    ):
        """`users` are the sorted rows that will be asked for, in their order: many are read at once."""
        self.run, self.audience, self.config = run, audience, config
        # The softmax of one draw keeps the order of its logits.
        self._by_logits = (
            config.recommend.noise_draws == 1 and config.recommend.discriminator_weight == 0
        )
        self.users, self._first = users, 0
        self._held: tuple[np.ndarray, sparse.csr_array] | None = None
        # What numpy multiplies on a CPU need not be copied to become writable, and no shape of it is compiled.
        on_host = jax.default_backend() == "cpu"
        self._embeddings = np.asarray(run.embeddings) if on_host else None
        self._bias = np.asarray(run.bias) if on_host and np.asarray(run.bias).any() else None

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """f32 (len(user_rows), n_items): logits, or log-probabilities where several draws or the judge need them."""
        vectors, found = self._vectors(user_rows)
        if self._by_logits:
            scores = self._products(vectors)
            graph_boost.add(found, scores)
            return scores
        n_items = len(self.run.items)
        size = users_per_tile(n_items, 2 * len(user_rows) - 1)
        out = np.empty((len(user_rows), n_items), np.float32)
        for start in range(0, len(user_rows), size):
            # The last tile repeats users, so that its shape is compiled once.
            index = np.minimum(np.arange(start, start + size), len(user_rows) - 1)
            n = min(size, len(user_rows) - start)
            out[start : start + n] = np.asarray(
                self._tile(vectors[index], user_rows, found, index)
            )[:n]
        return out

    def _products(self, candidates: np.ndarray) -> np.ndarray:
        if self._embeddings is None:
            # Users are repeated, so that one shape is compiled.
            rows = np.resize(
                candidates, (1 << (len(candidates) - 1).bit_length(), candidates.shape[1])
            )
            return np.array(products(jax.device_put(rows), self.run.embeddings, self.run.bias))[
                : len(candidates)
            ]
        scores = candidates @ self._embeddings.T
        if self._bias is not None:
            scores += self._bias
        return scores

    def _vectors(self, rows: np.ndarray) -> tuple[np.ndarray, sparse.csr_array]:
        """What the scores of some users are made from: candidates, or contexts where more than one is drawn; and bonuses."""
        if self.users is None:
            return self._read(rows)
        at = np.searchsorted(self.users, rows)
        if self._held is None or at[0] < self._first or at[-1] >= self._first + len(self._held[0]):
            self._first = int(at[0])
            self._held = self._read(self.users[self._first : self._first + max(_AHEAD, len(rows))])
        vectors, found = self._held
        return vectors[at - self._first], found[at - self._first]

    def _read(self, rows: np.ndarray) -> tuple[np.ndarray, sparse.csr_array]:
        found = graph_boost.logit_boost(
            self.audience, rows, self.config.recommend.cooccurrence_weight
        )
        vectors, _ = self.audience.contexts(rows)
        if self._by_logits:
            # Contexts are repeated at the end, so that few shapes are compiled.
            padded = np.resize(vectors, (round_up_size(len(rows)), vectors.shape[1]))
            vectors = np.asarray(candidates(self.run.model, jax.device_put(padded)))[: len(rows)]
        return vectors, found

    def _tile(
        self, contexts: np.ndarray, rows: np.ndarray, found: sparse.csr_array, index: np.ndarray
    ) -> jax.Array:
        run, recommend = self.run, self.config.recommend
        keys = user_keys(run.config.train.seed, self.audience.ids.gather(rows[index]))
        return log_probabilities(
            run.model,
            jax.device_put(contexts),
            run.embeddings,
            run.bias,
            graph_boost.tile(found, len(run.items), index),
            keys,
            draws=recommend.noise_draws,
            judge_weight=recommend.discriminator_weight,
        )


def load_scorer(
    path: Path,
    data: Dataset,
    before: str,
    config: Config,
    report: Reporter,
    users: np.ndarray | None = None,
) -> ModelScorer:
    """A scorer of a run over the users of `data`, whose histories end before the split `before`.

    Args:
        users: See `ModelScorer`.

    Raises:
        M6RecError: The features of the data were not fitted as the run's.
    """
    runtime.start()
    without = config.recommend.hidden_features
    run = load(path)
    warn_of_chance(run, config.recommend, report)
    run = other_catalogue.with_catalogue(run, data, without, report)
    run = other_catalogue.with_graphs(run, config.recommend)
    if data.manifest["fingerprint"] not in run.manifest["data_fingerprint"].split("+"):
        report.warn(
            "the run was trained on other data than it is judged on; are the held-out events still unseen?"
        )
    return ModelScorer(
        run,
        other_catalogue.without_profiles(UserHistories.of_dataset(run, data, before), without),
        config,
        users,
    )
