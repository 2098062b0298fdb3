"""Proposals by a tree-structured Parzen estimator, seeded anew for each trial.

Bergstra et al. 2011, in Optuna's implementation. Optuna keeps no state of a sampler, so one stream
of random numbers would begin again in every process and after every interruption.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState


class SeededSampler(BaseSampler):
    """Optuna's TPE, with a seed that follows from the number of the trial."""

    def __init__(self, seed: int) -> None:
        """Propose by a seed of the whole search."""
        self._seed, self._tpe = seed, TPESampler(seed=seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Begin the random numbers of the trial."""
        sequence = np.random.SeedSequence((self._seed, trial.number))
        self._tpe = TPESampler(seed=int(sequence.generate_state(1)[0]))

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
