"""Two processes that train, recommend and evaluate as one; one of them is killed."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from m6rec_cli.system.checkpoints import StepCheckpoints
from tests.seals import run_facts
from tests.small import FAST, SMALL
from tests.system.two_processes import ENVIRONMENT, TwoProcesses
from tests.worlds import planted_cycle

pytestmark = pytest.mark.slow

SETS = [
    argument
    for setting in (
        *SMALL,
        "train.epochs=6",
        "train.patience=20",
        "train.steps_per_dispatch=1",
        "train.batch_targets=256",
        "train.events_per_block=400",  # of 1,500: both processes read the blocks from disk
    )
    for argument in ("--set", setting)
]
LOST = "cannot continue: another process has stopped or is unreachable"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two_processes")
    planted_cycle(folder / "data", n_users=150, n_items=31, length=10)
    return folder


def pretrain(folder: Path, name: str, *more: str) -> list[str]:
    return ["pretrain", str(folder / "data"), "--out", str(folder / name), *SETS, *more]


@pytest.fixture(scope="module")
def single_run(folder: Path) -> Path:
    """The run of one process with two devices."""
    subprocess.run(
        [sys.executable, "-m", "m6rec_cli", *pretrain(folder, "single")],
        check=True,
        capture_output=True,
        env=ENVIRONMENT | {"XLA_FLAGS": f"{FAST} --xla_force_host_platform_device_count=2"},
    )
    return folder / "single"


@pytest.fixture(scope="module")
def killed(folder: Path, single_run: Path):
    """Two processes that replace a finished run, of which process 1 is killed.

    Exit codes, seconds until process 0 ended, its stderr, and the steps with a checkpoint.
    """
    shutil.copytree(single_run, folder / "pair")
    steps = StepCheckpoints(folder / ".pair.next" / "steps")
    processes = TwoProcesses(folder, *pretrain(folder, "pair", "--overwrite"))
    codes, seconds = processes.kill_after_checkpoint(1, steps)
    old, new = (run / "run.json" for run in (single_run, folder / "pair"))
    assert new.read_bytes() == old.read_bytes()
    return codes, seconds, processes.stderr(0), sorted(steps.sealed())


@pytest.fixture(scope="module")
def resumed(folder: Path, killed: object):
    """The same run, resumed by two tasks of SLURM: the summary, and stderr of process 0."""
    processes = TwoProcesses(folder, *pretrain(folder, "pair", "--resume"), slurm=True)
    return processes.summary(), processes.stderr(0)


def test_killing_process_1_ends_process_0_with_a_message(killed):
    codes, seconds, stderr, steps = killed
    assert codes == [1, -signal.SIGKILL], stderr
    assert seconds < 60
    assert f"error: process 0 of 2 {LOST}" in stderr
    assert "start all of them again (training with `--resume`)" in stderr
    assert steps[-1] > 0


def test_killing_process_0_ends_process_1(folder: Path):
    """Process 0 is the coordinator: JAX ends the other at once, unless it notices first."""
    args = pretrain(folder, "first-killed", "--set", "train.epochs=1000")
    processes = TwoProcesses(folder, *args)
    steps = StepCheckpoints(folder / "first-killed" / "steps")
    codes, seconds = processes.kill_after_checkpoint(0, steps)
    assert codes in ([-signal.SIGKILL, 1], [-signal.SIGKILL, -signal.SIGABRT])
    assert seconds < 60
    ours = f"error: process 1 of 2 {LOST}"
    assert (ours if codes[1] == 1 else "indicates that another task died") in processes.stderr(1)


def test_two_processes_resumed_train_what_one_trains(folder: Path, single_run: Path, resumed):
    summary, stderr = resumed
    assert "resumed at step" in stderr
    assert (summary["processes"], summary["devices"]) == (2, "2 devices (data 2, model 1)")
    assert run_facts(folder / "pair") == summary
    assert not (folder / ".pair.next").exists()
    one, two = StepCheckpoints(single_run / "steps"), StepCheckpoints(folder / "pair" / "steps")
    last = one.sealed()[-1]
    assert two.sealed()[-1] == last
    for tree in ("params", "optimizer"):
        for name, array in one.read_tree(last, tree).items():
            np.testing.assert_allclose(
                two.read_tree(last, tree)[name], array, atol=1e-4, err_msg=name
            )
    lines = (folder / "pair" / "metrics.jsonl").read_text().splitlines()
    epochs = [json.loads(line)["epoch"] for line in lines]
    assert epochs == sorted(set(epochs)), "one process writes them"


def test_two_processes_recommend_to_half_of_the_users_each(folder: Path, resumed):
    out = folder / "recs.parquet"
    args = ["recommend", str(folder / "pair"), "--data", str(folder / "data"), "--out", str(out)]
    summary = TwoProcesses(folder, *args).summary()
    parts = [pl.read_parquet(folder / f"recs-0000{i}-of-00002.parquet") for i in range(2)]
    assert not out.exists()
    assert [part["user_id"].n_unique() for part in parts] == [75, 75]
    both = pl.concat(parts)
    assert both["user_id"].n_unique() == summary["users"] == 150
    assert len(both) == summary["rows"] == sum(summary["basis"].values()) * summary["k"]


def test_two_processes_evaluate_to_the_metrics_of_one(folder: Path, resumed):
    args = ["evaluate", str(folder / "pair"), "--data", str(folder / "data")]
    args += ["--baselines", "popularity", "--against", "popularity"]
    two = TwoProcesses(folder, *args, "--out", str(folder / "report.json")).summary()
    done = subprocess.run(
        [sys.executable, "-m", "m6rec_cli", *args, "--num-processes", "1", "--quiet"],
        capture_output=True,
        text=True,
        check=True,
    )
    one = json.loads(done.stdout)
    assert two["users"] == one["users"] == 150
    for name, system in one["systems"].items():
        assert two["systems"][name]["masked"] == pytest.approx(system["masked"], abs=1e-6)
        assert two["systems"][name]["unmasked"] == pytest.approx(system["unmasked"], abs=1e-6)
    a, b = (summary["comparisons"][0]["metrics"]["ndcg@10"] for summary in (two, one))
    assert a["difference"] == pytest.approx(b["difference"], abs=1e-6)
    assert a["p_value"] == pytest.approx(b["p_value"], abs=1e-3)
    assert json.loads((folder / "report.json").read_text())["users"] == 150
