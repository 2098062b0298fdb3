"""A trained model to the last files of its run directory: `catalogue/` and `run.json`."""

import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from m6rec_cli import __version__
from m6rec_cli.execution.layout import Layout
from m6rec_cli.item_graphs import run_graphs
from m6rec_cli.ranking.ranking_file import FILE, PROTOCOLS, file_of, write_fit
from m6rec_cli.system import provenance
from m6rec_cli.system.directories import fsync_tree
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.run_manifest import (
    BestStep,
    ModelFeature,
    ModelInputs,
    RunManifest,
    TrainingCost,
    write_run,
)
from m6rec_cli.training import ranking_stage, refit, run_directory
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.loop import LoopState
from m6rec_cli.training.setup import TrainingSetup


def write_catalogue(setup: TrainingSetup, report: Reporter) -> None:
    """Write `catalogue/`: item embeddings by `setup.model`, item graphs, items, ranking weights."""
    data, job = setup.data, setup.job
    folder = job.out / "catalogue"
    folder.mkdir(exist_ok=True)
    report.status("embedding the catalogue")
    # On one device: validation has compiled this program already, unless it ran on a mesh.
    embeddings = operations_for(Layout(data.n_items)).embed(setup.model, setup.tables)
    np.save(folder / "embeddings.npy", np.asarray(embeddings))
    if setup.tables.domains is not None:
        np.save(folder / "domain.npy", data.item_domain)
    run_graphs.write_graphs(folder, data, setup.spec.item_specs, job.parent, report)
    _write_items(setup, folder)
    report.status("learning the ranking weights")
    # A refit holds no events out: its weights are those that the first run learned.
    if job.refit_of:
        fits = refit.read_ranking(job.refit_of)
    else:
        fits = ranking_stage.learn(setup, folder)
    for name, ranking in fits.items():
        write_fit(folder / name, ranking)
    report.note(fits[FILE].describe())
    for protocol in PROTOCOLS:
        if file_of(protocol) in fits:
            report.note(f"with `--protocol {protocol}`, {fits[file_of(protocol)].describe()}")
    fsync_tree(folder)


def _write_items(setup: TrainingSetup, folder: Path) -> None:
    categories = [
        spec.name
        for spec in setup.data.specs
        if spec.entity == "item" and spec.compared_by == "values"
    ]
    columns = list(dict.fromkeys(["row", "id", "display", "popularity", *categories]))
    setup.data.items.select(columns).write_parquet(folder / "items.parquet")


def write_manifest(
    setup: TrainingSetup, loop_state: LoopState, *, steps: int, seconds: float, cost: TrainingCost
) -> RunManifest:
    """Write `run.json`, which completes the run directory."""
    job, data, spec = setup.job, setup.data, setup.spec
    run_directory.require_intact(job, data)
    manifest = RunManifest(
        stage=job.stage,
        out=str(job.final_out),
        data=tuple(map(str, job.data)),
        data_fingerprints=data.manifest.fingerprints,
        parent=str(job.earlier_run) if job.earlier_run else None,
        best=BestStep(
            step=loop_state.best_step,
            epoch=loop_state.best_epoch,
            ndcg=loop_state.best_ndcg if loop_state.best_ndcg >= 0 else None,
        ),
        steps=steps,
        epochs=loop_state.epoch,
        repeats=data.manifest.repeats,
        seconds=round(seconds, 2),
        cost=cost,
        model=ModelInputs(
            items=spec.n_items,
            event_kinds=data.manifest.event_kinds,
            has_time=data.has_time,
            features=tuple(
                ModelFeature(entity=s.entity, name=s.name, kind=s.kind)
                for s in (*spec.item_specs, *spec.user_specs)
            ),
        ),
        versions={
            "m6rec": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("jax", "flax", "optax", "orbax-checkpoint")},
        },
        inputs=tuple(asdict(file) for file in data.manifest.inputs),
        **asdict(provenance.current()),
    )
    return write_run(job.out, manifest)
