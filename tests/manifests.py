"""A complete `RunManifest`, for tests that need a run directory without training one."""

from dataclasses import replace
from typing import Any

from m6rec_cli.system.run_manifest import BestStep, ModelInputs, RunManifest, TrainingCost

_MANIFEST = RunManifest(
    stage="pretrain",
    out="run",
    data=("data",),
    data_fingerprints=("a1",),
    parent=None,
    best=BestStep(step=4, epoch=2, ndcg=0.25),
    steps=6,
    epochs=3,
    repeats=0.0,
    seconds=1.5,
    cost=TrainingCost(
        parameters=100,
        trainable_share=0.9,
        events_per_second=None,
        median_step_seconds=None,
        compile_seconds=0.5,
        step_flops=None,
        flops_per_second=None,
        flop_utilisation=None,
        peak_host_bytes=10,
        devices="1 device",
        processes=1,
    ),
    model=ModelInputs(items=5, event_kinds=("event",), has_time=True, features=()),
    versions={"m6rec": "0"},
)


def run_manifest(**changes: Any) -> RunManifest:
    """The manifest with some fields changed."""
    return replace(_MANIFEST, **changes)
