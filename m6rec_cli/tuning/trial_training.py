"""A trial to what came of it: trained as `pretrain` does, given up when it is behind."""

import time
from contextlib import ExitStack
from pathlib import Path

import jax

from m6rec_cli.system import signals
from m6rec_cli.system.checkpoints import StepCheckpoints
from m6rec_cli.system.errors import DivergedError
from m6rec_cli.system.locks import waiting_lock
from m6rec_cli.system.progress import Reporter
from m6rec_cli.training import checkpointing
from m6rec_cli.training.loop import LoopState
from m6rec_cli.training.run_directory import TrainingJob
from m6rec_cli.training.session import fit
from m6rec_cli.tuning.search_directory import SearchJob, write_results
from m6rec_cli.tuning.study import RunningTrial, Study
from m6rec_cli.tuning.trial_records import State

_PUBLICATION_SECONDS = 3600.0
"""For another process that publishes its run."""


class _EndedError(Exception):
    """A trial ends here, and its run is not published."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.state: State = state


def train_trial(
    job: SearchJob,
    study: Study,
    trial: RunningTrial,
    report: Reporter,
    *,
    max_seconds: float | None,
) -> None:
    """Train a trial from the start or from its last checkpoint.

    A trial that is finished and better than all before publishes its run as `job.run`, trained as
    `pretrain` would train it. Of others no run is kept.

    Args:
        max_seconds: Time after which training stops, to be resumed.

    Raises:
        M6RecError: The data or the directory do not allow training.
        Terminated: A signal arrived or the time is up; the state of the training is saved.
    """
    started = time.monotonic()
    last = LoopState()
    with ExitStack() as publication:

        def after_epoch(state: LoopState) -> None:
            nonlocal last
            last = state
            if state.epoch == 0:
                return  # the untrained model
            if state.done:
                # Held until the trial has ended: no other run may be published in between.
                publication.enter_context(waiting_lock(job.run, _PUBLICATION_SECONDS))
            trial.note(epochs=state.epoch, best_epoch=state.best_epoch, ndcg=state.best_ndcg)
            is_behind = trial.is_behind(state.epoch, state.best_ndcg)
            if state.done:
                best = study.best()
                if best is not None and (best.ndcg or 0.0) >= state.best_ndcg:
                    raise _EndedError("finished")
            elif is_behind:
                raise _EndedError("stopped")

        # A signal within the work on the study would leave the run and the study apart.
        with signals.deferred_stop():
            ended: State = "finished"
            try:
                saved = _saved_state(job.trial(trial.number))
                if saved is not None and saved.done:
                    after_epoch(saved)
                fit(_training_job(job, trial, max_seconds), report, after_epoch)
            except _EndedError as end:
                ended = end.state
            except DivergedError as error:
                if trial.number == 0:
                    raise
                report.warn(f"its settings are no good: {error.what}")
                ended = "failed"
            finally:
                trial.note_seconds(time.monotonic() - started)
            study.end(trial.number, ended, last.best_ndcg if ended == "finished" else None)
            with waiting_lock(job.study):
                write_results(job, study.records())
    jax.clear_caches()  # other settings have other programs
    signals.check_stop()


def _training_job(job: SearchJob, trial: RunningTrial, max_seconds: float | None) -> TrainingJob:
    return TrainingJob(
        stage="pretrain",
        data=job.data,
        out=job.trial(trial.number),
        config=job.config_of(trial.settings),
        resume=True,
        overwrite=True,  # of the run that it replaces
        max_seconds=max_seconds,
        replaces=job.run,
    )


def _saved_state(folder: Path) -> LoopState | None:
    """The state of the loop at the last checkpoint; None if there is none."""
    steps = StepCheckpoints(folder / "steps")
    last = checkpointing.last_resumable_step(steps)
    return None if last is None else checkpointing.loop_state_of(steps, last)
