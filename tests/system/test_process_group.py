"""The process group: how processes find each other, and what a group of one does."""

import os
import subprocess
import sys

import numpy as np
import pytest

from m6rec_cli.system import process_group, process_setup
from m6rec_cli.system.errors import UsageError
from m6rec_cli.system.process_setup import ProcessFlags


@pytest.fixture
def no_cluster(monkeypatch: pytest.MonkeyPatch):
    """An environment without the variables of any cluster."""
    for name in os.environ:
        if name.startswith(("SLURM", "KUBERNETES", "JOB_", "TPU", "JAX_")):
            monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_cluster")
def test_detected_cluster_of_a_laptop_is_none():
    assert process_setup.detected_cluster() is None


@pytest.mark.usefixtures("no_cluster")
@pytest.mark.parametrize(("tasks", "cluster"), [("1", None), ("2", "SLURM")])
def test_detected_cluster_is_slurm_if_the_step_has_several_tasks(
    monkeypatch: pytest.MonkeyPatch, tasks: str, cluster: str | None
):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", tasks)
    assert process_setup.detected_cluster() == cluster


@pytest.mark.usefixtures("no_cluster")
@pytest.mark.parametrize(("package", "cluster"), [(None, None), ("kubernetes", "Kubernetes")])
def test_detected_cluster_is_kubernetes_for_an_indexed_job_if_its_package_is_installed(
    monkeypatch: pytest.MonkeyPatch, package: str | None, cluster: str | None
):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name if name == package else None)
    assert process_setup.detected_cluster() is None
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "0")
    assert process_setup.detected_cluster() == cluster


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ProcessFlags(coordinator="h:1"),
            "`--coordinator` and `--process-id` need `--num-processes`",
        ),
        (ProcessFlags(index=0), "`--coordinator` and `--process-id` need `--num-processes`"),
        (ProcessFlags(count=0), "`--num-processes` must be at least 1"),
        (
            ProcessFlags(coordinator="h:1", count=2),
            "`--num-processes` needs `--coordinator` and `--process-id`",
        ),
        (
            ProcessFlags(coordinator="h:1", count=2, index=2),
            "`--process-id` must be from 0 to 1",
        ),
        (ProcessFlags(coordinator="h", count=2, index=0), "`--coordinator h` has no port"),
    ],
)
def test_join_with_contradictory_flags_raises(flags: ProcessFlags, message: str):
    with pytest.raises(UsageError, match=message):
        process_setup.join(flags)


@pytest.mark.parametrize(
    "flags", [ProcessFlags(count=1), ProcessFlags(coordinator="h:1", count=1, index=0)]
)
def test_join_of_one_process_does_not_look_for_others(
    monkeypatch: pytest.MonkeyPatch, flags: ProcessFlags
):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    process_setup.join(flags)
    assert (process_group.process_count(), process_group.process_index()) == (1, 0)
    assert process_group.is_alone()
    assert process_group.is_first()


def test_group_of_one_process_writes_and_waits_for_nobody():
    process_group.barrier()
    with process_group.first_process_writes() as may_write:
        assert may_write
    rows = np.arange(6).reshape(3, 2)
    assert process_group.share_of(rows).tolist() == rows.tolist()
    assert process_group.sum_over_processes(3) == 3
    assert process_group.gather_rows(rows) is rows


def test_first_process_writes_does_not_wait_after_an_error(monkeypatch: pytest.MonkeyPatch):
    barriers: list[str] = []
    monkeypatch.setattr(process_group, "barrier", lambda: barriers.append("barrier"))
    with pytest.raises(ZeroDivisionError), process_group.first_process_writes():
        raise ZeroDivisionError
    assert barriers == ["barrier"], "the one before the block"


def test_stdout_of_a_process_group_is_kept_for_data():
    code = """
import os
from m6rec_cli.system import process_group, process_setup
process_setup.keep_stdout_for_data()
os.write(1, b"greeting\\n")
print("data")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("data\n", "greeting\n")
