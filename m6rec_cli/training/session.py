"""A training job to a finished run directory: build, train, save what the loop yields, publish."""

import time
from contextlib import closing

from m6rec_cli.data.multi_domain import open_domains
from m6rec_cli.data.store import Dataset
from m6rec_cli.data.stored_events import long_log_on_disk
from m6rec_cli.system import process_group, runtime, signals
from m6rec_cli.system.progress import ProgressTask, Reporter, Summary, compiling
from m6rec_cli.system.run_manifest import RUN, read_run
from m6rec_cli.system.training_cost import TrainingCost
from m6rec_cli.training import (
    checkpointing,
    epoch_log,
    extension,
    publication,
    refit,
    run_directory,
    run_header,
    tensorboard_log,
)
from m6rec_cli.training.learning_check import note_early_end, warn_if_nothing_learned
from m6rec_cli.training.loop import AfterEpoch, LoopState, TrainingEvent, train
from m6rec_cli.training.resource_meter import ResourceMeter
from m6rec_cli.training.run_directory import TrainingJob
from m6rec_cli.training.setup import TrainingSetup, build_setup
from m6rec_cli.training.state import TrainingState
from m6rec_cli.training.stopping import StopCondition


def fit(job: TrainingJob, report: Reporter, after_epoch: AfterEpoch | None = None) -> Summary:
    """Train from the start or from the last checkpoint, and publish the run directory.

    No other m6rec can write to the directory meanwhile.

    Args:
        after_epoch: Called before the state is saved; what it raises is raised here.

    Returns:
        The run's manifest, `run.json`; empty in all processes but the first.

    Raises:
        M6RecError: The output is in use, or belongs to other data or another configuration.
        Terminated: A signal arrived; the state is saved.
    """
    tensorboard_log.check(job.tensorboard)
    with run_directory.locked(job.out, report):
        return _fit(run_directory.with_staging(job), report, after_epoch)


def _fit(job: TrainingJob, report: Reporter, after_epoch: AfterEpoch | None) -> Summary:
    started, stop = time.monotonic(), StopCondition(job.max_seconds)
    runtime.configure_jax()
    report.status("reading the data")
    data = open_domains(job.data)
    resumes = run_directory.is_resumable(job, data)
    if resumes and (job.out / RUN).exists():
        if job.replaces or not extension.asks_for_more(job):
            return _publish_finished(job, report)
        with process_group.first_process_writes() as may_write:
            job = extension.begin(job, report, may_write=may_write)
    if job.refit_of:
        data = refit.training_data(job.refit_of, data)
    with long_log_on_disk(data, job.config.train.events_per_block, report) as data:
        return _fit_data(job, data, resumes, started, stop, report, after_epoch)


def _fit_data(
    job: TrainingJob,
    data: Dataset,
    resumes: bool,
    started: float,
    stop: StopCondition,
    report: Reporter,
    after_epoch: AfterEpoch | None,
) -> Summary:
    report.status("building the model")
    setup, state = build_setup(job, data, report)
    with process_group.first_process_writes() as may_write:
        if may_write and not resumes:
            run_directory.create(job, data, report)
        elif may_write:
            run_directory.write_config(job)  # its limits may be larger than before
    loop_state = LoopState()
    if resumes:
        state, loop_state = _resume(setup, state, report)
    n_parameters, trainable_share = run_header.parameter_counts(state)
    run_header.report_size(setup, n_parameters, trainable_share, report)

    meter = ResourceMeter(job.profile if process_group.is_first() else None, report)
    state, loop_state = _train(setup, state, loop_state, meter, stop, report, after_epoch)

    # Orbax reads in all processes together.
    checkpointing.load_best(setup.model, setup.steps, loop_state.best_step)
    with (
        process_group.first_process_writes() as may_write
    ):  # after all have read: the directory may move
        if not may_write:
            return {}
        settings = job.config.train
        note_early_end(settings, loop_state, report)
        warn_if_nothing_learned(settings, loop_state, report, has_parent=job.parent is not None)
        cost = meter.cost(
            parameters=n_parameters, trainable_share=trainable_share, devices=str(setup.layout)
        )
        return _publish(setup, int(state.step), loop_state, cost, started, report)


def _publish_finished(job: TrainingJob, report: Reporter) -> Summary:
    """Resume a run that needs no more training; at most it has to replace an old run."""
    outcome = "it replaces the old run" if job.replaces else "nothing to do"
    report.note(f"the run is already finished; {outcome}")
    summary = read_run(job.out).to_json()
    with process_group.first_process_writes() as may_write:
        if may_write:
            run_directory.replace_old_run(job)
    return summary


def _resume(
    setup: TrainingSetup, state: TrainingState, report: Reporter
) -> tuple[TrainingState, LoopState]:
    """The state at the last checkpoint; the initial one if there is none."""
    loop_state = LoopState()
    last = checkpointing.last_resumable_step(setup.steps)
    if last is None:
        report.note("there is no checkpoint yet: training starts from the beginning")
    else:
        state, loop_state = checkpointing.restore(setup.steps, last, state)
        train = setup.job.config.train
        loop_state.done = loop_state.done and loop_state.is_finished(train, setup.epochs, last)
        report.note(f"resumed at step {last:,}, epoch {loop_state.epoch}")
    if process_group.is_first():
        epoch_log.truncate(setup.job.out, -1 if last is None else loop_state.epoch)
    return state, loop_state


def _train(
    setup: TrainingSetup,
    state: TrainingState,
    loop_state: LoopState,
    meter: ResourceMeter,
    stop: StopCondition,
    report: Reporter,
    after_epoch: AfterEpoch | None,
) -> tuple[TrainingState, LoopState]:
    """Run the loop to its end; report and save what it yields.

    Raises:
        Terminated: A signal arrived or the time is up; the state is saved.
    """
    config, layout = setup.job.config.train, setup.layout
    n_steps = min(setup.batches.steps_per_epoch * setup.epochs, config.max_steps or 10**12)
    steps_left = max(0, n_steps - int(state.step))
    total = setup.batches.n_targets * steps_left // setup.batches.steps_per_epoch
    state, tables = layout.place(state), layout.place(setup.tables)
    table = epoch_log.EpochTable(
        report, setup.job.out, setup.epochs, is_adversarial=setup.trainer.is_adversarial
    )
    writer = checkpointing.CheckpointWriter(setup.steps, layout, config.checkpoint_seconds)
    with (
        closing(meter),
        signals.deferred_stop(),
        report.task(setup.job.stage, total=total, unit="events", first=compiling()) as task,
        tensorboard_log.scalar_log(
            setup.job.tensorboard if process_group.is_first() else None, int(state.step)
        ) as log,
    ):
        for event in train(
            setup.trainer,
            state,
            loop_state,
            setup.batches,
            tables,
            setup.validation,
            epochs=setup.epochs,
            stop=stop,
        ):
            state, loop_state = event.state, event.loop_state
            log(event)
            if event.kind == "steps":
                _report_steps(event, setup.epochs, meter, task)
                continue
            if event.kind == "epoch" and process_group.is_first():
                table.append(event)
            if event.kind == "epoch" and after_epoch is not None:
                after_epoch(loop_state)
            # Read once: a signal that arrives while this event is saved waits for the next event.
            stops = event.kind == "stop" or (
                process_group.is_alone() and _stops_after_epoch(event, stop)
            )
            writer.save_if_due(event, now=stops or loop_state.done)
            if stops:
                stop.end(event.step, report)
    if process_group.is_alone():
        signals.stop_if_requested()  # a signal that came while the last checkpoint was written
    return state, loop_state


def _stops_after_epoch(event: TrainingEvent, stop: StopCondition) -> bool:
    """Whether to stop after an epoch: signals always, the time limit between two epochs."""
    if event.n_steps == 0 or event.loop_state.done:
        return signals.stop_requested()
    return stop.is_met()


def _report_steps(
    event: TrainingEvent, epochs: int, meter: ResourceMeter, task: ProgressTask
) -> None:
    n_targets = round(event.metrics["targets"] * event.n_steps)
    meter.add_dispatch(n_targets, event.n_steps, event.seconds, event.step_flops)
    epoch = f"{event.loop_state.epoch + 1}/{epochs}"
    task.advance(n_targets, epoch=epoch, step=event.step, loss=event.metrics["loss"])


def _publish(
    setup: TrainingSetup,
    n_steps: int,
    loop_state: LoopState,
    cost: TrainingCost,
    started: float,
    report: Reporter,
) -> Summary:
    """Complete the run directory with the best parameters, which `setup.model` holds."""
    publication.write_catalogue(setup, report)
    manifest = publication.write_manifest(
        setup, loop_state, steps=n_steps, seconds=time.monotonic() - started, cost=cost
    )
    run_directory.replace_old_run(setup.job)
    return manifest.to_json()
