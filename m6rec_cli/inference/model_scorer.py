"""A finished run to the scores of all items for the users of a data directory, for `evaluate`."""

import dataclasses
from pathlib import Path

import jax
import numpy as np

from m6rec_cli.config.settings import Config
from m6rec_cli.data.format import SPLITS, VALID
from m6rec_cli.data.queries import Queries
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution.user_contexts import round_up_size
from m6rec_cli.inference.horizon import with_horizon
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.other_catalogue import hide_user_features
from m6rec_cli.inference.prepared_run import prepare_run
from m6rec_cli.inference.ranking_terms import UserTermsTable, user_terms
from m6rec_cli.inference.scores import (
    candidates,
    catalogue_scores,
    logits,
    ranks_by_logits,
    users_per_tile,
)
from m6rec_cli.inference.shop_ranking import with_current_ranking
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.system import device_defaults, runtime
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.run_manifest import REFIT

READ_AHEAD = 8_192
"""Users whose contexts and ranking terms are computed at once."""


class ModelScorer:
    """Scores all items for each user, in the order of their probabilities."""

    def __init__(
        self,
        run: LoadedRun,
        histories: UserHistories,
        config: Config,
        users: np.ndarray | None = None,
    ):
        """`users` are the user rows to come, sorted: their contexts are computed ahead."""
        self.run, self.histories, self.config = run, histories, config
        # The softmax of one draw keeps the order of the logits.
        self._by_logits = ranks_by_logits(config.recommend)
        self.users, self._first = users, 0
        self._read_ahead: tuple[np.ndarray, UserTermsTable] | None = None
        in_numpy = device_defaults.current().scores_in_numpy
        catalogue = run.catalogue
        self._embeddings = np.asarray(catalogue.scored_embeddings) if in_numpy else None
        has_bias = in_numpy and np.asarray(catalogue.bias).any()
        self._bias = np.asarray(catalogue.bias) if has_bias else None
        self._popularity = catalogue.evidence.popularity

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """Scores f32 (users, items): logits where they order the items, else log-probabilities."""
        vectors, terms = self._vectors(user_rows)
        if self._by_logits:
            scores = self._logits(vectors * terms.model[:, None])
            terms.add_to(scores, self._popularity)
            return scores
        n_items = len(self.run.catalogue)
        size = users_per_tile(n_items, 2 * len(user_rows) - 1)
        out = np.empty((len(user_rows), n_items), np.float32)
        for start in range(0, len(user_rows), size):
            # The last tile repeats a user: one shape is compiled.
            index = np.minimum(np.arange(start, start + size), len(user_rows) - 1)
            n = min(size, len(user_rows) - start)
            tile = catalogue_scores(
                self.run,
                self.config.recommend,
                jax.device_put(vectors[index]),
                terms.tile(index),
                self.histories.ids.gather(user_rows[index]),
            )
            out[start : start + n] = np.asarray(tile)[:n]
        return out

    def _logits(self, vectors: np.ndarray) -> np.ndarray:
        if self._embeddings is None:
            # Users are repeated: one shape is compiled.
            rows = np.resize(vectors, (1 << (len(vectors) - 1).bit_length(), vectors.shape[1]))
            catalogue = self.run.catalogue
            scores = logits(jax.device_put(rows), catalogue.scored_embeddings, catalogue.bias)
            return np.array(scores)[: len(vectors)]
        scores = vectors @ self._embeddings.T
        if self._bias is not None:
            scores += self._bias
        return scores

    def _vectors(self, rows: np.ndarray) -> tuple[np.ndarray, UserTermsTable]:
        """What `_read` gives, computed ahead for the users to come."""
        if self.users is None:
            return self._read(rows)
        at = np.searchsorted(self.users, rows)
        held = self._read_ahead
        if held is None or at[0] < self._first or at[-1] >= self._first + len(held[0]):
            self._first = int(at[0])
            stop = self._first + max(READ_AHEAD, len(rows))
            held = self._read_ahead = self._read(self.users[self._first : stop])
        vectors, terms = held
        return vectors[at - self._first], terms.take(at - self._first)

    def _read(self, rows: np.ndarray) -> tuple[np.ndarray, UserTermsTable]:
        """Candidate embeddings (contexts, if more than one is drawn) and ranking terms."""
        terms = user_terms(self.histories, rows)
        vectors, _ = self.histories.contexts(rows)
        if self._by_logits:
            # Contexts are repeated at the end: few shapes are compiled.
            padded = np.resize(vectors, (round_up_size(len(rows)), vectors.shape[1]))
            vectors = np.asarray(candidates(self.run.model, jax.device_put(padded)))[: len(rows)]
        return vectors, terms


def load_scorer(
    path: Path,
    data: Dataset,
    before: str,
    config: Config,
    report: Reporter,
    queries: Queries | None = None,
    protocol: str = "all",
) -> ModelScorer:
    """A scorer of a run over the users of `data`, whose histories end before the split `before`.

    Args:
        queries: Score these instead, in their order; the run may have learned nothing from `before`
            on.
        protocol: What is asked of the run, of `ranking_file.PROTOCOLS`: it may have ranking weights
            of its own for it.

    Raises:
        M6RecError: The features of the data were not fitted as the run's, or the run has learned
            the events that it is asked for.
    """
    runtime.configure_jax()
    run = prepare_run(path, config.recommend, report, data=data)
    if run.manifest.stage == REFIT and before == SPLITS[VALID]:
        raise M6RecError(
            "this run has learned the validation events (`pretrain --refit`)",
            where=str(path),
            hint=f"evaluate it with `--split test`, or evaluate `{run.manifest.parent}`",
        )
    if not set(data.manifest.fingerprints) <= set(run.manifest.data_fingerprints):
        report.warn(
            "the run was trained on other data: its training events may include "
            "the held-out events of this data directory"
        )
    hidden = config.recommend.hidden_features
    run = _with_ranking_of(run, protocol)
    log = hide_user_features(UserHistories.of_dataset(run, data, before), hidden)
    histories, rows = log, None
    if queries is not None:
        histories = hide_user_features(UserHistories.of_queries(run, data, queries), hidden)
        rows = np.arange(len(queries))
    histories = with_horizon(histories, config.recommend)
    # The held-out events that queries know of are no one else's knowledge.
    run = with_current_ranking(log, config.recommend, report).run
    return ModelScorer(run, dataclasses.replace(histories, run=run), config, rows)


def _with_ranking_of(run: LoadedRun, protocol: str) -> LoadedRun:
    """The run with the ranking weights for a protocol of evaluation."""
    catalogue = run.catalogue
    weights = catalogue.ranking_of_protocol.get(protocol, catalogue.ranking)
    return dataclasses.replace(run, catalogue=dataclasses.replace(catalogue, ranking=weights))
