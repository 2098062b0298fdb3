"""Flags or a cluster's environment to a joined process group.

The processes find each other by `jax.distributed`: from the environment on SLURM, in a Kubernetes
job and on Cloud TPU, elsewhere from flags. A single process reads a few environment variables and
loads no JAX here.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from m6rec_cli.system.disk_errors import disk_error
from m6rec_cli.system.errors import M6RecError, UsageError
from m6rec_cli.system.process_group import is_alone, process_count, process_index, set_group
from m6rec_cli.system.signals import EXIT_CODES

LOST_SECONDS = 30
"""A process that sends no heartbeat for so long counts as lost."""


@dataclass(frozen=True)
class ProcessFlags:
    """The command-line flags that describe the process group; `None` leaves it to the environment.

    Attributes:
        coordinator: HOST:PORT of process 0.
        count: Number of processes; 1 skips the search for others.
        index: Index of this process.
    """

    coordinator: str | None = None
    count: int | None = None
    index: int | None = None


def detected_cluster() -> str | None:
    """The cluster that started several processes: SLURM, Kubernetes, Cloud TPU or none."""
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        return "SLURM"
    if "KUBERNETES_SERVICE_HOST" in os.environ and "JOB_COMPLETION_INDEX" in os.environ:
        return "Kubernetes" if importlib.util.find_spec("kubernetes") else None
    if importlib.util.find_spec("libtpu") and any(
        any(Path(folder).glob(name)) for folder, name in (("/dev", "accel*"), ("/dev/vfio", "*"))
    ):
        return "Cloud TPU"
    return None


@contextmanager
def joined(flags: ProcessFlags) -> Iterator[None]:
    """Join the process group; within the block, losing a process raises an `M6RecError`.

    Raises:
        UsageError: The flags contradict each other.
        M6RecError: The processes do not find each other, or one of them is lost.
    """
    join(flags)
    if is_alone():
        yield
        return
    from jax.errors import JaxRuntimeError

    try:
        yield
    except JaxRuntimeError as error:
        if (full := disk_error(error)) is not None:
            raise full from error
        if "RESOURCE_EXHAUSTED" in str(error):
            raise M6RecError(
                f"process {process_index()} of {process_count()} has no memory left on its devices",
                where=str(error).strip().splitlines()[0][:200],
                hint="in training lower `train.batch_targets`, or spread the tables over devices: "
                "`train.model_parallel`; otherwise start fewer processes per device",
            ) from error
        raise M6RecError(
            f"process {process_index()} of {process_count()} cannot continue: another process has "
            "stopped or is unreachable",
            where=str(error).strip().splitlines()[0][:200],
            hint="read the messages of the others, then start all of them again "
            "(training with `--resume`)",
        ) from error


def join(flags: ProcessFlags) -> None:
    """Find the other processes of the group; call it before JAX is used."""
    _check(flags)
    cluster = detected_cluster() if flags == ProcessFlags() else None
    if flags.count == 1 or (flags.count is None and cluster is None):
        return
    keep_stdout_for_data()
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(
            flags.coordinator,
            flags.count,
            flags.index,
            heartbeat_timeout_seconds=LOST_SECONDS,
            cluster_detection_method=None if cluster else "deactivate",
        )
    except (RuntimeError, ValueError) as error:
        raise M6RecError(
            f"the processes do not find each other: {str(error).strip().splitlines()[0][:300]}",
            where=cluster or f"--coordinator {flags.coordinator}",
            hint="start `--num-processes` processes with the same coordinator, or pass "
            "`--num-processes 1`",
        ) from error
    set_group(jax.process_index(), jax.process_count())


def _check(flags: ProcessFlags) -> None:
    """Raise a `UsageError` unless the flags describe a process group."""
    if flags.count is None:
        if flags != ProcessFlags():
            raise UsageError(
                "`--coordinator` and `--process-id` need `--num-processes`", hint="pass all three"
            )
        return
    if flags.count < 1:
        raise UsageError("`--num-processes` must be at least 1")
    if flags.count > 1 and (flags.coordinator is None or flags.index is None):
        raise UsageError(
            "`--num-processes` needs `--coordinator` and `--process-id`", hint="pass all three"
        )
    if flags.index is not None and not 0 <= flags.index < flags.count:
        raise UsageError(f"`--process-id` must be from 0 to {flags.count - 1}")
    if flags.coordinator is not None and not flags.coordinator.rpartition(":")[2].isdigit():
        raise UsageError(
            f"`--coordinator {flags.coordinator}` has no port", hint="HOST:PORT of process 0"
        )


def keep_stdout_for_data() -> None:
    """Redirect what libraries write to file descriptor 1 to stderr; `sys.stdout` stays as it is.

    Gloo prints a greeting there, and stdout carries the summary only.
    """
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)


def exit_without_waiting(code: int) -> None:
    """End a failed process at once; the others notice that it is gone.

    At an ordinary exit JAX waits for all processes, and these would wait for the failed one.
    """
    if not is_alone() and code not in (0, *EXIT_CODES):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
