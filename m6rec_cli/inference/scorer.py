"""A finished run as a scorer of the users of a data directory: what `evaluate` asks."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np

from m6rec_cli import runtime
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import over
from m6rec_cli.inference.histories import Audience
from m6rec_cli.inference.loaded import LoadedRun, load
from m6rec_cli.inference.score import log_probabilities, user_keys, users_per_tile
from m6rec_cli.report import Reporter
from m6rec_cli.settings import Config


class ModelScorer:
    """Log-probabilities of all items after each user's history.

    Attributes:
        name: The run directory's name.
    """

    def __init__(self, run: LoadedRun, audience: Audience, config: Config):
        self.name, self.run, self.audience, self.config = run.path.name, run, audience, config

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """f32 (len(user_rows), n_items)."""
        run, recommend = self.run, self.config.recommend
        h, _ = self.audience.contexts(user_rows)
        size = users_per_tile(len(run.items), len(user_rows))
        out = np.empty((len(user_rows), len(run.items)), np.float32)
        for start in range(0, len(user_rows), size):
            # The last tile repeats users, so that its shape is compiled once.
            index = np.minimum(np.arange(start, start + size), len(user_rows) - 1)
            keys = user_keys(run.config.train.seed, self.audience.ids.gather(user_rows[index]))
            tile = log_probabilities(
                run.model, jnp.asarray(h[index]), run.embeddings, run.bias, keys,
                draws=recommend.draws, judge_weight=recommend.judge_weight,
            )  # fmt: skip
            n = min(size, len(user_rows) - start)
            out[start : start + n] = np.asarray(tile)[:n]
        return out


def load_scorer(path: Path, data: Dataset, before: str, config: Config, report: Reporter) -> ModelScorer:
    """A scorer of a run over the users of `data`, whose histories end before the split `before`.

    Raises:
        M6RecError: The features of the data were not fitted as the run's.
    """
    runtime.start()
    without = config.recommend.without
    run = over.catalogue(load(path), data, without, report)
    run = over.promoted(run, config.recommend.new_items)
    if data.manifest["fingerprint"] not in run.manifest["data_fingerprint"].split("+"):
        report.warn(
            "the run was trained on other data than it is judged on; are the held-out events still unseen?"
        )
    return ModelScorer(run, over.without_profiles(Audience.of_dataset(run, data, before), without), config)
