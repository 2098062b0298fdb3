"""The trials of a search in an Optuna study: what is tried next, and what came of it.

The study is an SQLite file that several processes share. Proposals are a pure function of the seed,
the number of the trial and what earlier trials found, so that an interrupted search goes on as it
would have.
"""

import math
import sqlite3
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import optuna
from optuna.pruners import SuccessiveHalvingPruner
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import DatabaseError

from m6rec_cli.config.keys import Value
from m6rec_cli.config.search_space import Space
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.tuning import proposals
from m6rec_cli.tuning.distributions import decoded, distribution, encoded
from m6rec_cli.tuning.trial_records import Settings, State, TrialRecord, best_of

_STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "stopped",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "unfinished",
}
_NAME = "m6rec"
_WAIT_SECONDS = 60.0
"""For another process that writes to the study."""
_REDUCTION = 3
"""One trial in so many goes on after each rung."""
_FIRST_RUNG = 8
"""The first rung is at the end of so small a share of the epochs."""
_PROGRESS, _REPEATS = "progress", "repeats"
_MOST_REPEATS = 200
"""If so many proposals in a row were tried before, nothing new is found in the space."""


class RunningTrial:
    """A trial that this process trains."""

    def __init__(self, trial: optuna.Trial, settings: Settings) -> None:
        """A trial of the study, and its settings."""
        self._trial, self.settings = trial, settings
        attributes = trial.user_attrs
        self._known_epochs = attributes.get(_PROGRESS, {}).get("epochs", 0)
        self._seconds_before = attributes.get("seconds", 0.0)

    @property
    def number(self) -> int:
        """The number of the trial; trial 0 has the default settings."""
        return self._trial.number

    def note(self, *, epochs: int, best_epoch: int, ndcg: float) -> None:
        """Keep where training is."""
        progress = {"epochs": epochs, "best_epoch": best_epoch, "ndcg": ndcg}
        self._trial.set_user_attr(_PROGRESS, progress)

    def note_seconds(self, seconds: float) -> None:
        """Keep how long training took, beside what it took before it was interrupted."""
        self._trial.set_user_attr("seconds", self._seconds_before + seconds)

    def is_behind(self, epoch: int, ndcg: float) -> bool:
        """Whether the trial is to be given up after an epoch; trial 0 never is.

        Epochs that are trained again, since the last process was killed, are not counted again.
        """
        if epoch <= self._known_epochs:
            return False
        self._trial.report(ndcg, epoch)
        return self._trial.should_prune() and self.number > 0


class Study:
    """The trials of a search. One process at a time may `ask`."""

    def __init__(self, file: Path, space: Space, *, seed: int, epochs: int) -> None:
        """Open the study, or create it.

        Args:
            epochs: Of a trial at most; decides after which ones trials are compared.

        Raises:
            M6RecError: The file is damaged.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space, self._seed = space, seed
        self._distributions = {key: distribution(space[key]) for key in space}
        try:
            self._storage = optuna.storages.RDBStorage(
                "sqlite://",
                engine_kwargs={
                    "creator": partial(sqlite3.connect, file.resolve(), timeout=_WAIT_SECONDS)
                },
            )
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=_NAME,
                direction="maximize",
                load_if_exists=True,
                sampler=proposals.SeededSampler(seed),
                pruner=SuccessiveHalvingPruner(
                    min_resource=max(1, epochs // _FIRST_RUNG), reduction_factor=_REDUCTION
                ),
            )
        except DatabaseError as error:
            raise M6RecError(
                f"the study of the search is damaged: {error.orig}",
                where=str(file),
                hint="search again with another `--out`, or with `--overwrite`",
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def records(self) -> list[TrialRecord]:
        """All trials by their number, without those that would have repeated another one."""
        return [
            self._record(trial)
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state in _STATES and _REPEATS not in trial.user_attrs
        ]

    def best(self) -> TrialRecord | None:
        """The finished trial with the highest figure, of equal ones the first; None if none is."""
        return best_of(self.records())

    def has_untried(self) -> bool:
        """Whether the space has settings that no trial has, as far as they can be counted."""
        size = math.prod(dimension.size for dimension in self._space.values())
        return len(self.records()) < size

    def ask(self, default: Settings) -> RunningTrial | None:
        """Begin the next trial; None if nothing new is proposed.

        Args:
            default: The settings of trial 0, near which the first trials are.
        """
        known = [dict(record.settings) for record in self.records()]
        for _ in range(_MOST_REPEATS):
            self._enqueue_near(default)
            trial = self._study.ask(self._distributions)
            settings = self._settings(trial.params)
            if settings not in known:
                return RunningTrial(trial, settings)
            trial.set_user_attr(_REPEATS, True)
            self._study.tell(trial, state=TrialState.FAIL)
        return None

    def _enqueue_near(self, default: Settings) -> None:
        """Fix what the next trial takes from the default, if it is one of the first."""
        trials = self._study.get_trials(deepcopy=False)
        if trials and trials[-1].state == TrialState.WAITING:
            return  # the process that proposed it was killed
        number = len(trials)
        kept = proposals.kept_keys(list(default), self._seed, number)
        if kept:
            fixed = {key: encoded(self._space[key], default[key]) for key in kept}
            self._study.enqueue_trial(fixed)

    def resume(self, number: int) -> RunningTrial:
        """Go on with a trial that was interrupted."""
        study_id = self._storage.get_study_id_from_name(_NAME)
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, number)
        trial = optuna.Trial(self._study, trial_id)
        return RunningTrial(trial, self._settings(trial.params))

    def end(self, number: int, state: State, ndcg: float | None = None) -> None:
        """Keep how a trial ended.

        Args:
            ndcg: Of a finished trial.
        """
        states = {name: optuna_state for optuna_state, name in _STATES.items()}
        self._study.tell(number, ndcg, state=states[state])

    def _record(self, trial: FrozenTrial) -> TrialRecord:
        progress = trial.user_attrs.get(_PROGRESS, {})
        return TrialRecord(
            number=trial.number,
            state=_STATES[trial.state],
            settings=self._settings(trial.params),
            ndcg=progress.get("ndcg"),
            epochs=progress.get("epochs", 0),
            best_epoch=progress.get("best_epoch", 0),
            seconds=trial.user_attrs.get("seconds", 0.0),
        )

    def _settings(self, params: Mapping[str, object]) -> dict[str, Value]:
        return {
            key: decoded(dimension, params[key])
            for key, dimension in self._space.items()
            if key in params
        }
