"""Several processes as one: how they find each other, what they write together, and what happens when one dies."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from m6rec_cli.system import process_group
from m6rec_cli.system.checkpoints import StepCheckpoints
from m6rec_cli.system.errors import UsageError
from m6rec_cli.system.process_group import ProcessFlags
from tests.small import FAST, SMALL
from tests.worlds import planted_cycle

OURS = ("pretrain", "recommend", "epoch", "resumed", "warning:", "error:", "process")
CLUSTERS = ("SLURM", "KUBERNETES", "JOB_", "TPU", "JAX_", "XLA_FLAGS", "PYTEST", "COV")


@pytest.fixture
def nowhere(monkeypatch):
    for name in os.environ:
        if name.startswith(CLUSTERS[:5]):
            monkeypatch.delenv(name)


@pytest.mark.usefixtures("nowhere")
def test_environment_of_a_laptop_is_no_cluster():
    assert process_group.detected_cluster() is None


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(("tasks", "found"), [("1", None), ("2", "SLURM")])
def test_environment_of_slurm_counts_the_tasks_of_the_step(monkeypatch, tasks, found):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", tasks)
    assert process_group.detected_cluster() == found


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(("package", "found"), [(None, None), ("kubernetes", "Kubernetes")])
def test_environment_of_kubernetes_is_an_indexed_job_and_needs_its_package(
    monkeypatch, package, found
):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setattr(
        process_group.importlib.util, "find_spec", lambda name: name if name == package else None
    )
    assert process_group.detected_cluster() is None
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "0")
    assert process_group.detected_cluster() == found


@pytest.mark.parametrize(
    ("processes", "message"),
    [
        (
            ProcessFlags("h:1", None, None),
            "`--coordinator` and `--process-id` need `--num-processes`",
        ),
        (ProcessFlags(None, None, 0), "`--coordinator` and `--process-id` need `--num-processes`"),
        (ProcessFlags(None, 0, None), "`--num-processes` must be at least 1"),
        (
            ProcessFlags("h:1", 2, None),
            "`--num-processes` needs `--coordinator` and `--process-id`",
        ),
        (ProcessFlags("h:1", 2, 2), "`--process-id` must be from 0 to 1"),
        (ProcessFlags("h", 2, 0), "`--coordinator h` has no port"),
    ],
)
def test_join_with_flags_that_do_not_fit_is_a_usage_error(processes, message):
    with pytest.raises(UsageError, match=message):
        process_group.join(processes)


@pytest.mark.parametrize("processes", [ProcessFlags(None, 1, None), ProcessFlags("h:1", 1, 0)])
def test_join_of_one_process_looks_for_no_others(monkeypatch, processes):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    process_group.join(processes)
    assert (
        process_group.process_count(),
        process_group.process_index(),
        process_group.is_first(),
    ) == (1, 0, True)
    process_group.barrier()
    assert process_group.sum_over_processes(3) == 3


def test_stdout_of_several_processes_is_for_data_alone():
    code = (
        "import os, sys; from m6rec_cli.system import process_group; process_group.keep_stdout_for_data()\n"
        "os.write(1, b'greeting\\n'); print('data')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("data\n", "greeting\n")


# --- two processes ---


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Pair:
    """Two processes of one command on this machine, that find each other by flags or as tasks of SLURM."""

    def __init__(self, folder: Path, *args: str, slurm: bool = False):
        port, self.folder = free_port(), folder
        clean = {k: v for k, v in os.environ.items() if not k.startswith(CLUSTERS)}
        self.processes = []
        for i in range(2):
            flags = (
                []
                if slurm
                else [
                    "--coordinator",
                    f"127.0.0.1:{port}",
                    "--num-processes",
                    "2",
                    "--process-id",
                    str(i),
                ]
            )
            task = {
                "SLURM_JOB_ID": "1",
                "SLURM_STEP_NODELIST": "127.0.0.1",
                "SLURM_NTASKS": "2",
                "SLURM_PROCID": str(i),
                "SLURM_LOCALID": str(i),
                "SLURM_STEP_NUM_TASKS": "2",
                "JAX_COORDINATOR_PORT": str(port),
            }
            with (folder / f"out{i}").open("w") as out, (folder / f"err{i}").open("w") as err:
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "m6rec_cli", *args, *flags],
                        stdout=out,
                        stderr=err,
                        env=clean | {"XLA_FLAGS": FAST} | (task if slurm else {}),
                    )
                )

    def kill(self, i: int, steps: StepCheckpoints) -> tuple[list[int], float]:
        """Kill one of them after its first checkpoint; how both ended, and after how many seconds."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not [s for s in steps.sealed() if s > 0]:
            time.sleep(0.02)
        self.processes[i].send_signal(signal.SIGKILL)
        started = time.monotonic()
        return self.codes(), time.monotonic() - started

    def said(self, i: int) -> str:
        return (self.folder / f"err{i}").read_text()

    def codes(self, timeout: float = 300) -> list[int]:
        try:
            return [p.wait(timeout) for p in self.processes]
        finally:
            for p in self.processes:
                p.kill()

    def summary(self) -> dict:
        """What process 0 printed; the other is silent."""
        assert self.codes() == [0, 0], self.said(0) + self.said(1)
        assert (self.folder / "out1").read_text() == ""
        assert not [line for line in self.said(1).splitlines() if line.startswith(OURS)], (
            "libraries may speak"
        )
        return json.loads((self.folder / "out0").read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    planted_cycle(folder / "data", n_users=150, n_items=31, length=10)
    return folder


SETS = [
    part
    for s in (
        *SMALL,
        "train.epochs=6",
        "train.patience=20",
        "train.steps_per_dispatch=1",
        "train.batch_targets=256",
    )
    for part in ("--set", s)
]


def pretrain(folder: Path, name: str, *more: str) -> list[str]:
    return ["pretrain", str(folder / "data"), "--out", str(folder / name), *SETS, *more]


@pytest.fixture(scope="module")
def alone(folder):
    """The run of one process with two devices."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(CLUSTERS)}
    subprocess.run(
        [sys.executable, "-m", "m6rec_cli", *pretrain(folder, "alone")],
        check=True,
        capture_output=True,
        env=environment | {"XLA_FLAGS": f"{FAST} --xla_force_host_platform_device_count=2"},
    )
    return folder / "alone"


@pytest.fixture(scope="module")
def killed(folder, alone):
    """A run of two processes, in place of a finished one, of which one is killed, and how long the other took to notice."""
    shutil.copytree(alone, folder / "pair")
    steps = StepCheckpoints(folder / ".pair.next" / "steps")
    pair = Pair(folder, *pretrain(folder, "pair", "--overwrite"))
    codes, seconds = pair.kill(1, steps)
    assert (folder / "pair" / "run.json").read_bytes() == (alone / "run.json").read_bytes()
    return codes, seconds, pair.said(0), sorted(steps.sealed())


@pytest.fixture(scope="module")
def pair(folder, killed):
    """The same run, taken up again by two processes, as tasks of SLURM."""
    pair = Pair(folder, *pretrain(folder, "pair", "--resume"), slurm=True)
    return pair.summary(), pair.said(0)


@pytest.mark.slow
def test_process_that_is_killed_makes_the_other_stop_and_say_so(killed):
    codes, seconds, said, sealed = killed
    assert codes == [1, -signal.SIGKILL], said
    assert seconds < 60
    assert (
        "error: process 0 of 2 cannot continue: another process has stopped or is unreachable"
        in said
    )
    assert "start all of them again (training with `--resume`)" in said
    assert sealed[-1] > 0


@pytest.mark.slow
def test_when_process_0_is_killed_the_other_is_ended_by_jax_or_by_us(folder):
    """Process 0 is where the others report: jax ends them at once, in words of its own, unless they notice first."""
    pair = Pair(folder, *pretrain(folder, "first-killed", "--set", "train.epochs=1000"))
    codes, seconds = pair.kill(0, StepCheckpoints(folder / "first-killed" / "steps"))
    assert codes in ([-signal.SIGKILL, 1], [-signal.SIGKILL, -signal.SIGABRT])
    assert seconds < 60
    ours = "error: process 1 of 2 cannot continue: another process has stopped or is unreachable"
    assert (ours if codes[1] == 1 else "indicates that another task died") in pair.said(1)


@pytest.mark.slow
def test_two_processes_resumed_give_what_one_gives(folder, alone, pair):
    summary, said = pair
    assert "resumed at step" in said
    assert (summary["processes"], summary["devices"]) == (2, "2 devices (data 2, model 1)")
    assert json.loads((folder / "pair" / "run.json").read_text()) == summary
    assert not (folder / ".pair.next").exists()
    one, two = StepCheckpoints(alone / "steps"), StepCheckpoints(folder / "pair" / "steps")
    last = one.sealed()[-1]
    assert two.sealed()[-1] == last
    for tree in ("params", "optimizer"):
        for name, array in one.read_tree(last, tree).items():
            np.testing.assert_allclose(
                two.read_tree(last, tree)[name], array, atol=1e-4, err_msg=name
            )
    lines = [
        (json.loads(line)["epoch"])
        for line in (folder / "pair" / "metrics.jsonl").read_text().splitlines()
    ]
    assert lines == sorted(set(lines)), "one process writes them"


@pytest.mark.slow
def test_two_processes_recommend_to_a_share_of_the_users_each(folder, pair):
    out = folder / "recs.parquet"
    args = ["recommend", str(folder / "pair"), "--data", str(folder / "data"), "--out", str(out)]
    summary = Pair(folder, *args).summary()
    parts = [pl.read_parquet(folder / f"recs-0000{i}-of-00002.parquet") for i in range(2)]
    assert not out.exists()
    assert [p["user_id"].n_unique() for p in parts] == [75, 75]
    both = pl.concat(parts)
    assert both["user_id"].n_unique() == summary["users"] == 150
    assert len(both) == summary["rows"] == sum(summary["basis"].values()) * summary["k"]


@pytest.mark.slow
def test_two_processes_evaluate_what_one_does(folder, pair):
    args = [
        "evaluate",
        str(folder / "pair"),
        "--data",
        str(folder / "data"),
        "--baselines",
        "popularity",
        "--against",
        "popularity",
    ]
    both = Pair(folder, *args, "--out", str(folder / "report.json")).summary()
    done = subprocess.run(
        [sys.executable, "-m", "m6rec_cli", *args, "--num-processes", "1", "--quiet"],
        capture_output=True,
        text=True,
        check=True,
    )
    one = json.loads(done.stdout)
    assert both["users"] == one["users"] == 150
    for name, system in one["systems"].items():
        assert both["systems"][name]["masked"] == pytest.approx(system["masked"], abs=1e-6)
        assert both["systems"][name]["unmasked"] == pytest.approx(system["unmasked"], abs=1e-6)
    ours, theirs = (told["comparisons"][0]["metrics"]["ndcg@10"] for told in (both, one))
    assert ours["difference"] == pytest.approx(theirs["difference"], abs=1e-6)
    assert ours["p_value"] == pytest.approx(theirs["p_value"], abs=1e-3)
    assert json.loads((folder / "report.json").read_text())["users"] == 150
