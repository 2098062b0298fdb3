"""A training stage around the loop: opens the data, saves what the loop reports, finishes the run directory."""

import platform
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
from flax import nnx

from m6rec_cli import __version__, cluster, inputs, runtime, stop
from m6rec_cli.checkpoint import FORMAT, RUN, Steps
from m6rec_cli.data.joined import open_all
from m6rec_cli.data.store import Dataset
from m6rec_cli.directory import claimed, fsync_tree, read_json, write_json
from m6rec_cli.errors import Terminated
from m6rec_cli.model.recommender import M6Rec, Sizes
from m6rec_cli.report import Reporter, Summary
from m6rec_cli.settings import Config
from m6rec_cli.training import claim, graphs, saved, sharded_ranks, told
from m6rec_cli.training.claim import Request
from m6rec_cli.training.feed import Feed
from m6rec_cli.training.loop import Progress, prepare, train
from m6rec_cli.training.mesh import Layout
from m6rec_cli.training.meter import Meter
from m6rec_cli.training.state import State
from m6rec_cli.training.validate import Validation


def build(size: Sizes, config: Config) -> M6Rec:
    """A fresh model, its parameters drawn from the seed."""
    return M6Rec(config.model, size, rngs=nnx.Rngs(config.train.seed))


def fit(
    request: Request, report: Reporter, *, labels: bool, adopt: Callable[[M6Rec, Dataset], None] | None = None
) -> Summary:
    """Run the loop from start or from the last checkpoint to a finished run directory, which nobody else writes to meanwhile.

    Args:
        labels: Learn from labelled events only.
        adopt: Puts a parent run's parameters into the fresh model.

    Raises:
        M6RecError: The output is in use, or belongs to other data or another configuration.
        Terminated: A signal arrived; the state is saved.
    """
    with claimed(request.out) if cluster.is_first() else nullcontext(False) as is_alone:
        if is_alone:  # without locks it might be another process that is at work
            claim.recover(request.out)
        cluster.wait()
        return _fit(claim.placed(request), report, labels=labels, adopt=adopt)


def _fit(
    request: Request, report: Reporter, *, labels: bool, adopt: Callable[[M6Rec, Dataset], None] | None
) -> Summary:
    started = time.monotonic()
    runtime.start()
    config, out = request.config, request.out
    steps = Steps(out / "steps")
    data = open_all([request.data, *request.also])
    resuming = claim.resumes(request, data)
    if resuming and (out / RUN).exists():
        report.note(
            "the run has finished already; " + ("it takes its place" if request.replaces else "nothing to do")
        )
        run = read_json(out / RUN, "the run's manifest")
        cluster.wait()
        if cluster.is_first():
            claim.take_place(request)
        return run

    size = inputs.sizes(data, config.model)
    model = build(size, config)
    if adopt:
        adopt(model, data)
    tables = inputs.tables(data, size)
    feed = Feed.of(data, config, labels=labels, has_content=bool(size.item_specs))
    validation = Validation.of(data, config)
    if validation is None:
        report.warn("the data hold nothing out for validation: no early stopping, the last epoch is kept")
    layout = Layout.of(config.train, data.n_items)
    trainer, state = prepare(model, config, feed, tables, layout)
    progress = Progress()
    cluster.wait()
    if not resuming and cluster.is_first():
        claim.create(request, data, report)
    cluster.wait()
    last = saved.resumable(steps) if resuming else None
    if last is not None:
        state, progress = saved.restore(steps, last, state)
        report.note(f"resumed at step {last:,}, epoch {progress.epoch}")
    elif resuming:
        report.note("no checkpoint was written: the run starts from its beginning")
    if resuming and cluster.is_first():
        told.forget(out, -1 if last is None else progress.epoch)
    parameters = _count((state.params, state.frozen))
    share = _count(state.params) / max(1, parameters)
    report.note(
        f"{request.stage}: {parameters:,} parameters, {share:.0%} of them learn; "
        f"{feed.n_targets:,} target events, {feed.steps:,} steps an epoch"
        + (f"; {layout}" if layout.mesh else "")
    )
    if layout.multiple(feed.rows) > feed.rows:
        report.warn(
            f"each batch of {feed.rows} rows is filled up with empty ones to {layout.multiple(feed.rows)}, a multiple "
            "of the devices: raise `train.batch_targets`"
        )
    state, placed = layout.state(state), layout.tables(tables)
    steps_in_all = min(feed.steps * config.train.epochs, config.train.max_steps or 10**12)
    total = feed.n_targets * max(0, steps_in_all - (last or 0)) // feed.steps
    writer = saved.Writer(steps, layout, config.train.checkpoint_seconds)
    meter = Meter(request.profile if cluster.is_first() else None, report)
    with closing(meter), stop.patient(), report.task(request.stage, total=total, unit="events") as task:
        shown: dict[str, Any] = {"ndcg@10": progress.best if progress.best >= 0 else None}
        for update in train(trainer, state, progress, feed, placed, validation):
            state, progress = update.state, update.progress
            if update.kind == "steps":
                events = round(update.metrics["targets"] * update.n_steps)
                meter.dispatch(events, update.n_steps, update.seconds, update.flops)
                task.advance(events, step=update.step, loss=update.metrics["loss"], **shown)
                continue
            if update.kind == "epoch":
                shown["ndcg@10"] = update.metrics.get("ndcg@10")
                if cluster.is_first():
                    told.tell(report, out, update)
            # Looked at once: a signal that comes while this is written waits for the next report.
            asked = update.kind == "stop" or (cluster.number() == 1 and stop.requested())
            writer.take(update, now=asked or progress.done)
            if asked:
                report.note(f"saved at step {update.step:,}: the same command with `--resume` goes on")
                stop.now()
                raise Terminated(143)  # it is another process that was asked
    if cluster.number() == 1:
        stop.now()  # it came while the last checkpoint was written
    # Orbax reads, as it writes, in all processes together.
    saved.load_judged(model, steps, progress.best_step)
    cluster.wait()  # all have read before the directory may move
    try:
        if not cluster.is_first():
            return {}
        cost = {"parameters": parameters, "trainable_share": round(share, 6), **meter.summary(),
                "devices": str(layout), "processes": cluster.number()}  # fmt: skip
        return _finish(request, data, size, model, state, progress, steps, tables, cost, started, report)
    finally:
        cluster.wait()


def _count(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


def _finish(
    request: Request, data: Dataset, size: Sizes, model: M6Rec, state: State, progress: Progress, steps: Steps,
    tables: inputs.Tables, cost: dict[str, Any], started: float, report: Reporter,
) -> Summary:  # fmt: skip
    """Encode the catalogue with the best parameters, which `model` holds, and write `run.json`."""
    best = progress.best_step
    folder = request.out / "catalogue"
    folder.mkdir(exist_ok=True)
    # Validation has compiled it, unless over a mesh.
    items = sharded_ranks.embed(model, tables, Layout(None, data.n_items))
    np.save(folder / "embeddings.npy", np.asarray(items))
    graphs.write(folder, data, size.item_specs, request.parent, report)
    kept = [s.name for s in data.specs if s.entity == "item" and s.kind in ("categorical", "set")]
    columns = list(dict.fromkeys(["row", "id", "display", "popularity", *kept]))
    data.items.select(columns).write_parquet(folder / "items.parquet")
    metrics = {"ndcg@10": progress.best} if progress.best >= 0 else {}
    run: Summary = {
        "format": FORMAT, "stage": request.stage, "out": str(request.place), "data": " ".join(map(str, [request.data, *request.also])),
        "data_fingerprint": data.manifest["fingerprint"],
        "parent": str(request.parent) if request.parent else None,
        "best": {"step": best, "epoch": progress.best_epoch, **metrics},
        "steps": int(state.step), "epochs": progress.epoch, "seconds": round(time.monotonic() - started, 2), **cost,
        "model": {"items": size.n_items, "events": data.manifest["events"], "has_time": data.has_time,
                  "features": [{"entity": s.entity, "name": s.name, "kind": s.kind}
                               for s in (*size.item_specs, *size.user_specs)]},
        "versions": {"m6rec": __version__, "python": platform.python_version(),
                     **{name: version(name) for name in ("jax", "flax", "optax", "orbax-checkpoint")}},
    }  # fmt: skip
    fsync_tree(folder)
    write_json(request.out / RUN, run)
    claim.take_place(request)
    return run
