"""Several processes that work as one: who takes part, who speaks, and what is said when one is gone.

Processes find each other by `jax.distributed`. On SLURM, in a Kubernetes job and on Cloud TPU the
environment says how; elsewhere the flags do. A process that is alone never gets here beyond `join`, which
looks at a few variables and does not load jax.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m6rec_cli.system.errors import M6RecError, UsageError

if TYPE_CHECKING:
    import numpy as np

LOST_SECONDS = 30
"""A process that has not been heard of for so long is given up."""
_BARRIER_SECONDS = 6 * 3600


@dataclass(frozen=True)
class Processes:
    """What the flags say of the processes; `None` leaves it to the environment.

    Attributes:
        coordinator: HOST:PORT of process 0.
        number: How many there are; 1 never looks for others.
        index: Which of them this is.
    """

    coordinator: str | None = None
    number: int | None = None
    index: int | None = None


_index, _number = 0, 1
_barriers = count()


def process_index() -> int:
    """Which process this is."""
    return _index


def process_count() -> int:
    """How many processes work together."""
    return _number


def is_first() -> bool:
    """Whether this is the process that speaks and writes."""
    return _index == 0


def environment() -> str | None:
    """Where several processes were started together: `SLURM`, `Kubernetes`, `Cloud TPU` or nowhere."""
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
def together(processes: Processes) -> Iterator[None]:
    """Join the other processes, if there are any; within the block their loss is an error in plain words.

    Raises:
        UsageError: Flags that do not fit together.
        M6RecError: The others are not found, or one of them is lost.
    """
    join(processes)
    if _number == 1:
        yield
        return
    from jax.errors import JaxRuntimeError

    try:
        yield
    except JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" in str(error):
            raise M6RecError(
                f"process {_index} of {_number} has no memory left on its devices",
                where=str(error).strip().splitlines()[0][:200],
                hint="in training lower `train.batch_targets`, or divide the tables: `train.model_parallel`; "
                "otherwise start fewer processes on a device",
            ) from error
        raise M6RecError(
            f"process {_index} of {_number} cannot go on: another process has stopped, or cannot be reached",
            where=str(error).strip().splitlines()[0][:200],
            hint="look at what the others said; then start all of them again (a training with `--resume`)",
        ) from error


def join(processes: Processes) -> None:
    """Find the other processes, before anything else is done with jax."""
    global _index, _number
    _check(processes)
    found = environment() if processes == Processes() else None
    if processes.number == 1 or (processes.number is None and found is None):
        return
    _keep_stdout_for_data()
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(
            processes.coordinator,
            processes.number,
            processes.index,
            heartbeat_timeout_seconds=LOST_SECONDS,
            cluster_detection_method=None if found else "deactivate",
        )
    except (RuntimeError, ValueError) as error:
        raise M6RecError(
            f"the processes do not find each other: {str(error).strip().splitlines()[0][:300]}",
            where=found or f"--coordinator {processes.coordinator}",
            hint="start as many as there are to be, all with the same coordinator; or `--num-processes 1`",
        ) from error
    _index, _number = jax.process_index(), jax.process_count()


def _check(processes: Processes) -> None:
    if processes.number is None:
        if processes != Processes():
            raise UsageError(
                "`--coordinator` and `--process-id` go with `--num-processes`",
                hint="pass all three",
            )
        return
    if processes.number < 1:
        raise UsageError("`--num-processes` is at least 1")
    if processes.number > 1 and (processes.coordinator is None or processes.index is None):
        raise UsageError(
            "`--num-processes` goes with `--coordinator` and `--process-id`", hint="pass all three"
        )
    if processes.index is not None and not 0 <= processes.index < processes.number:
        raise UsageError(f"`--process-id` is from 0 to {processes.number - 1}")
    if processes.coordinator is not None and not processes.coordinator.rpartition(":")[2].isdigit():
        raise UsageError(
            f"`--coordinator {processes.coordinator}` names no port", hint="HOST:PORT of process 0"
        )


def _keep_stdout_for_data() -> None:
    """Send to stderr what libraries write to file 1: gloo greets there, where the summary alone belongs."""
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)


def barrier() -> None:
    """Wait until all processes are here."""
    if _number == 1:
        return
    from orbax.checkpoint import multihost

    # Not a collective of the devices: those give up after a while, and process 0 may have much to write.
    barrier = multihost.get_barrier_sync_fn()
    barrier(key=f"m6rec-{next(_barriers)}", timeout_ms=_BARRIER_SECONDS * 1000)


def call_together(compiled: Any) -> Any:
    """A jitted function whose calls begin together, the first when all processes have compiled it.

    The collectives of CPUs give up after half a minute, and some processes compile for longer than others.
    """
    if _number == 1:
        return compiled
    ready = None

    def call(*args: Any) -> Any:
        nonlocal ready
        if ready is None:
            ready = compiled.lower(*args).compile()
        barrier()
        return ready(*args)

    return call


def sum_over_processes(value: int) -> int:
    """The sum over the processes, which all call this together."""
    if _number == 1:
        return value
    import numpy as np
    from jax.experimental import multihost_utils

    barrier()
    return int(multihost_utils.process_allgather(np.array([value])).sum())


def gather_rows(mine: "np.ndarray") -> "np.ndarray":
    """Every process's rows one after the other; all call this together.

    Args:
        mine: Whole numbers below 2**31; as many axes everywhere, of the same sizes but for the first.
    """
    if _number == 1:
        return mine
    import numpy as np
    from jax.experimental import multihost_utils

    barrier()
    sizes = multihost_utils.process_allgather(np.array([len(mine)], np.int32)).reshape(-1)
    # Arrays that are gathered are equally long.
    filled = np.zeros((int(sizes.max()), *mine.shape[1:]), np.int32)
    filled[: len(mine)] = mine
    parts = np.asarray(multihost_utils.process_allgather(filled)).reshape(_number, *filled.shape)
    return np.concatenate([part[:n] for part, n in zip(parts, sizes, strict=True)]).astype(
        mine.dtype
    )


def leave(code: int) -> None:
    """End a process that has failed without waiting for the others, who notice that it is gone.

    At an ordinary exit jax waits for all; one that fails alone would wait for others who wait for it.
    """
    if _number > 1 and code not in (0, 130, 143):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
