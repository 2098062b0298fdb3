"""A training stage around the loop: opens the data, saves what the loop reports, finishes the run directory."""

import platform
import time
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
from flax import nnx

from m6rec_cli import __version__
from m6rec_cli.config.settings import Config
from m6rec_cli.data.multi_domain import open_all
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs
from m6rec_cli.execution.mesh import Layout
from m6rec_cli.item_graphs import run_graphs
from m6rec_cli.model.recommender import M6Rec, ModelSpec
from m6rec_cli.system import process_group, runtime, signals
from m6rec_cli.system.checkpoints import FORMAT, RUN, StepCheckpoints
from m6rec_cli.system.directories import fsync_tree, read_json, write_json
from m6rec_cli.system.errors import Terminated
from m6rec_cli.system.progress import Reporter, Summary
from m6rec_cli.training import checkpointing, epoch_log, run_directory, sharded_ranks
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.loop import LoopState, prepare, train
from m6rec_cli.training.resource_meter import ResourceMeter
from m6rec_cli.training.run_directory import TrainingJob
from m6rec_cli.training.state import TrainingState
from m6rec_cli.training.validation import Validation


def build(size: ModelSpec, config: Config) -> M6Rec:
    """A fresh model, its parameters drawn from the seed."""
    return M6Rec(config.model, size, rngs=nnx.Rngs(config.train.seed))


def fit(
    request: TrainingJob,
    report: Reporter,
    *,
    labels: bool,
    adopt: Callable[[M6Rec, Dataset], None] | None = None,
) -> Summary:
    """Run the loop from start or from the last checkpoint to a finished run directory, which nobody else writes to meanwhile.

    Args:
        labels: Learn from labelled events only.
        adopt: Puts a parent run's parameters into the fresh model.

    Raises:
        M6RecError: The output is in use, or belongs to other data or another configuration.
        Terminated: A signal arrived; the state is saved.
    """
    with run_directory.locked(request.out):
        return _fit(run_directory.placed(request), report, labels=labels, adopt=adopt)


def _fit(
    request: TrainingJob,
    report: Reporter,
    *,
    labels: bool,
    adopt: Callable[[M6Rec, Dataset], None] | None,
) -> Summary:
    started = time.monotonic()
    runtime.start()
    config, out = request.config, request.out
    steps = StepCheckpoints(out / "steps")
    data = open_all([request.data, *request.also])
    resuming = run_directory.resumes(request, data)
    if resuming and (out / RUN).exists():
        report.note(
            "the run has finished already; "
            + ("it takes its place" if request.replaces else "nothing to do")
        )
        run = read_json(out / RUN, "the run's manifest")
        with process_group.first_process_writes() as may_write:
            if may_write:
                run_directory.take_place(request)
        return run

    size = model_inputs.sizes(data, config.model)
    model = build(size, config)
    if adopt:
        adopt(model, data)
    tables = model_inputs.tables(data, size)
    feed = TrainingBatches.from_data(data, config, labels=labels, has_content=bool(size.item_specs))
    validation = Validation.from_data(data, config)
    if validation is None:
        report.warn(
            "the data hold nothing out for validation: no early stopping, the last epoch is kept"
        )
    layout = Layout.of(config.train, data.n_items)
    trainer, state = prepare(model, config, feed, tables, layout)
    progress = LoopState()
    with process_group.first_process_writes() as may_write:
        if may_write and not resuming:
            run_directory.create(request, data, report)
    last = checkpointing.last_resumable_step(steps) if resuming else None
    if last is not None:
        state, progress = checkpointing.restore(steps, last, state)
        report.note(f"resumed at step {last:,}, epoch {progress.epoch}")
    elif resuming:
        report.note("no checkpoint was written: the run starts from its beginning")
    if resuming and process_group.is_first():
        epoch_log.truncate(out, -1 if last is None else progress.epoch)
    parameters = _count((state.params, state.frozen))
    share = _count(state.params) / max(1, parameters)
    report.note(
        f"{request.stage}: {parameters:,} parameters, {share:.0%} of them learn; "
        f"{feed.n_targets:,} target events, {feed.steps_per_epoch:,} steps an epoch"
        + (f"; {layout}" if layout.mesh else "")
    )
    if layout.multiple(feed.rows_per_batch) > feed.rows_per_batch:
        report.warn(
            f"each batch of {feed.rows_per_batch} rows is filled up with empty ones to {layout.multiple(feed.rows_per_batch)}, a multiple "
            "of the devices: raise `train.batch_targets`"
        )
    state, placed = layout.state(state), layout.tables(tables)
    steps_in_all = min(feed.steps_per_epoch * config.train.epochs, config.train.max_steps or 10**12)
    total = feed.n_targets * max(0, steps_in_all - (last or 0)) // feed.steps_per_epoch
    writer = checkpointing.CheckpointWriter(steps, layout, config.train.checkpoint_seconds)
    meter = ResourceMeter(request.profile if process_group.is_first() else None, report)
    with (
        closing(meter),
        signals.deferred_stop(),
        report.task(request.stage, total=total, unit="events") as task,
    ):
        shown: dict[str, Any] = {"ndcg@10": progress.best_ndcg if progress.best_ndcg >= 0 else None}
        for update in train(trainer, state, progress, feed, placed, validation):
            state, progress = update.state, update.loop_state
            if update.kind == "steps":
                events = round(update.metrics["targets"] * update.n_steps)
                meter.add_dispatch(events, update.n_steps, update.seconds, update.step_flops)
                task.advance(events, step=update.step, loss=update.metrics["loss"], **shown)
                continue
            if update.kind == "epoch":
                shown["ndcg@10"] = update.metrics.get("ndcg@10")
                if process_group.is_first():
                    epoch_log.append(report, out, update)
            # Looked at once: a signal that comes while this is written waits for the next report.
            asked = update.kind == "stop" or (process_group.is_alone() and signals.stop_requested())
            writer.save_if_due(update, now=asked or progress.done)
            if asked:
                report.note(
                    f"saved at step {update.step:,}: the same command with `--resume` goes on"
                )
                signals.stop_if_requested()
                raise Terminated(143)  # it is another process that was asked
    if process_group.is_alone():
        signals.stop_if_requested()  # it came while the last checkpoint was written
    # Orbax reads, as it writes, in all processes together.
    checkpointing.load_best(model, steps, progress.best_step)
    with process_group.first_process_writes() as may_write:  # the directory may move
        if not may_write:
            return {}
        cost = {
            "parameters": parameters,
            "trainable_share": round(share, 6),
            **meter.summary(),
            "devices": str(layout),
            "processes": process_group.process_count(),
        }
        return _finish(
            request, data, size, model, state, progress, steps, tables, cost, started, report
        )


def _count(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


def _finish(
    request: TrainingJob,
    data: Dataset,
    size: ModelSpec,
    model: M6Rec,
    state: TrainingState,
    progress: LoopState,
    steps: StepCheckpoints,
    tables: model_inputs.Tables,
    cost: dict[str, Any],
    started: float,
    report: Reporter,
) -> Summary:
    """Encode the catalogue with the best parameters, which `model` holds, and write `run.json`."""
    best = progress.best_step
    folder = request.out / "catalogue"
    folder.mkdir(exist_ok=True)
    # Validation has compiled it, unless over a mesh.
    items = sharded_ranks.embed(model, tables, Layout(None, data.n_items))
    np.save(folder / "embeddings.npy", np.asarray(items))
    run_graphs.write(folder, data, size.item_specs, request.parent, report)
    kept = [s.name for s in data.specs if s.entity == "item" and s.kind in ("categorical", "set")]
    columns = list(dict.fromkeys(["row", "id", "display", "popularity", *kept]))
    data.items.select(columns).write_parquet(folder / "items.parquet")
    metrics = {"ndcg@10": progress.best_ndcg} if progress.best_ndcg >= 0 else {}
    run: Summary = {
        "format": FORMAT,
        "stage": request.stage,
        "out": str(request.place),
        "data": " ".join(map(str, [request.data, *request.also])),
        "data_fingerprints": list(data.manifest.fingerprints),
        "parent": str(request.parent) if request.parent else None,
        "best": {"step": best, "epoch": progress.best_epoch, **metrics},
        "steps": int(state.step),
        "epochs": progress.epoch,
        "seconds": round(time.monotonic() - started, 2),
        **cost,
        "model": {
            "items": size.n_items,
            "events": list(data.manifest.event_kinds),
            "has_time": data.has_time,
            "features": [
                {"entity": s.entity, "name": s.name, "kind": s.kind}
                for s in (*size.item_specs, *size.user_specs)
            ],
        },
        "versions": {
            "m6rec": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("jax", "flax", "optax", "orbax-checkpoint")},
        },
    }
    fsync_tree(folder)
    write_json(request.out / RUN, run)
    run_directory.take_place(request)
    return run
