"""Training curves of runs: a parent is shown once, and only if it is still the same run."""

import json
import shutil

import pytest

from m6rec_cli.evaluation.report.training_curves import read_curves
from m6rec_cli.system.run_manifest import BestStep, write_run
from m6rec_cli.training.run_origin import RunOrigin
from tests.manifests import run_manifest


def write(folder, name, earlier=None, **facts):
    run = folder / name
    run.mkdir()
    stage = "finetune" if earlier else "pretrain"
    RunOrigin.of(stage, ("a1",), earlier).write(run)
    lines = [
        {"step": 0, "epoch": 0, "ndcg@10": 0.1},
        {"step": 2, "epoch": 1, "loss": 3.5, "ndcg@10": 0.25},
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    parent = str(earlier) if earlier else None
    write_run(run, run_manifest(stage=stage, parent=parent, out=str(run), **facts))
    return run


@pytest.fixture
def runs(tmp_path):
    pretrained = write(tmp_path, "pretrained", best=BestStep(step=2, epoch=1, ndcg=0.25))
    return pretrained, write(tmp_path, "tuned", pretrained)


def test_curve_of_a_run_follows_that_of_its_parent(runs):
    parent, own = read_curves([str(runs[1])])
    assert (parent.run, parent.parent, parent.stage) == (str(runs[1]), str(runs[0]), "pretrain")
    assert (own.parent, own.stage) == (None, "finetune")
    assert (parent.epochs, parent.loss, parent.ndcg) == ([0, 1], [None, 3.5], [0.1, 0.25])
    assert parent.best_epoch == 1


def test_parent_that_is_a_run_of_the_evaluation_is_shown_once(runs):
    curves = read_curves([str(run) for run in runs])
    assert [(curve.run, curve.parent) for curve in curves] == [(str(run), None) for run in runs]


@pytest.mark.parametrize("what", ["gone", "another"])
def test_parent_that_is_not_the_same_run_any_more_is_left_out(runs, tmp_path, what):
    shutil.rmtree(runs[0])
    if what == "another":
        write(tmp_path, "pretrained", steps=99)
    (curve,) = read_curves([str(runs[1])])
    assert curve.parent is None


def test_run_whose_epochs_cannot_be_read_has_no_curve(runs):
    (runs[0] / "metrics.jsonl").write_text('{"epoch": ')
    assert read_curves([str(runs[0])]) == []
