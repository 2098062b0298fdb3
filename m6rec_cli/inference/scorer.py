"""A finished run as a scorer of the users of a data directory: what `evaluate` asks."""

from pathlib import Path

import jax
import numpy as np

from m6rec_cli import runtime
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import near, over
from m6rec_cli.inference.histories import Audience
from m6rec_cli.inference.loaded import LoadedRun, load
from m6rec_cli.inference.score import log_probabilities, logits, user_keys, users_per_tile
from m6rec_cli.report import Reporter
from m6rec_cli.settings import Config

_AHEAD = 16_384
"""Users whose histories are read at once."""


class ModelScorer:
    """What orders all items after each user's history as their probabilities do.

    Attributes:
        name: The run directory's name.
    """

    def __init__(self, run: LoadedRun, audience: Audience, config: Config, users: np.ndarray | None = None):
        """`users` are the sorted rows that will be asked for, in their order: histories are read many at once."""
        self.name, self.run, self.audience, self.config = run.path.name, run, audience, config
        self.users, self._first, self._held = users, 0, np.zeros((0, 0), np.float32)

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """f32 (len(user_rows), n_items): logits, or log-probabilities where several draws or the judge need them."""
        n_items = len(self.run.items)
        h = self._contexts(user_rows)
        found = near.bonuses(self.audience, user_rows, self.config.recommend.neighbours)
        size = users_per_tile(n_items, 2 * len(user_rows) - 1)
        out = np.empty((len(user_rows), n_items), np.float32)
        for start in range(0, len(user_rows), size):
            # The last tile repeats users, so that its shape is compiled once.
            index = np.minimum(np.arange(start, start + size), len(user_rows) - 1)
            n = min(size, len(user_rows) - start)
            out[start : start + n] = np.asarray(
                self._tile(jax.device_put(h[index]), user_rows[index], near.tile(found, n_items, index))
            )[:n]
        return out

    def _contexts(self, rows: np.ndarray) -> np.ndarray:
        if self.users is None:
            return self.audience.contexts(rows)[0]
        at = np.searchsorted(self.users, rows) - self._first
        if at[0] < 0 or at[-1] >= len(self._held):
            self._first += int(at[0])
            at -= at[0]
            self._held, _ = self.audience.contexts(
                self.users[self._first : self._first + max(_AHEAD, len(rows))]
            )
        return self._held[at]

    def _tile(self, h: jax.Array, rows: np.ndarray, close: near.Near) -> jax.Array:
        run, recommend = self.run, self.config.recommend
        if recommend.draws == 1 and recommend.judge_weight == 0:
            return logits(run.model, h, run.embeddings, run.bias, close)
        return log_probabilities(
            run.model, h, run.embeddings, run.bias, close, user_keys(run.config.train.seed, self.audience.ids.gather(rows)),
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
    run = over.catalogue(load(path), data, without, report)
    run = over.weighed(run, config.recommend)
    if data.manifest["fingerprint"] not in run.manifest["data_fingerprint"].split("+"):
        report.warn(
            "the run was trained on other data than it is judged on; are the held-out events still unseen?"
        )
    return ModelScorer(
        run, over.without_profiles(Audience.of_dataset(run, data, before), without), config, users
    )
