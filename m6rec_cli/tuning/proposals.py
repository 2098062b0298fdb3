"""Proposals near the default, then by a tree-structured Parzen estimator (TPE).

TPE: Bergstra et al. 2011, in Optuna's implementation. Optuna keeps no state of a sampler, so one
stream of random numbers would begin again in every process and after every interruption. Each trial
therefore has a seed of its own.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

N_NEAR_DEFAULT = 10
"""Trials with the default settings in all keys but a few; TPE proposes nothing before, either."""
_MOST_CHANGED = 3


def kept_keys(keys: Sequence[str], seed: int, number: int) -> list[str]:
    """The keys in which a trial has the default settings: all in trial 0, none in later trials.

    The defaults are good already. Of settings that are drawn at random in every key, most are far
    worse, and a search of a few trials would find nothing.
    """
    if number == 0:
        return list(keys)
    if number >= N_NEAR_DEFAULT:
        return []
    rng = np.random.default_rng((seed, number))
    n_changed = min(len(keys), int(rng.integers(1, _MOST_CHANGED + 1)))
    changed = {keys[i] for i in rng.choice(len(keys), n_changed, replace=False)}
    return [key for key in keys if key not in changed]


class SeededSampler(BaseSampler):
    """Optuna's TPE, with a seed that follows from the number of the trial."""

    def __init__(self, seed: int) -> None:
        """Propose by a seed of the whole search."""
        self._seed, self._tpe = seed, TPESampler(seed=seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Begin the random numbers of the trial."""
        sequence = np.random.SeedSequence((self._seed, trial.number))
        self._tpe = TPESampler(
            seed=int(sequence.generate_state(1)[0]), n_startup_trials=N_NEAR_DEFAULT
        )

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """See `TPESampler`."""
        return self._tpe.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """See `TPESampler`."""
        return self._tpe.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """See `TPESampler`."""
        return self._tpe.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """See `TPESampler`."""
        self._tpe.after_trial(study, trial, state, values)
