"""The process group: processes that work as one, of which only the first writes and reports.

`process_setup` joins the processes. A single process is a group of one, for which nothing here
waits or loads JAX.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_BARRIER_SECONDS = 6 * 3600

_index, _count = 0, 1
_barrier_numbers = count()


def set_group(index: int, count: int) -> None:
    """Make this process number `index` of a group of `count`."""
    global _index, _count
    _index, _count = index, count


def process_index() -> int:
    """Index of this process in the group."""
    return _index


def process_count() -> int:
    """Number of processes in the group."""
    return _count


def is_alone() -> bool:
    """Whether the group has one process only."""
    return _count == 1


def is_first() -> bool:
    """Whether this is the process that writes and reports."""
    return _index == 0


def barrier() -> None:
    """Wait until all processes have called this."""
    if is_alone():
        return
    from orbax.checkpoint import multihost

    # Not a collective of the devices: that would time out while process 0 writes much.
    wait = multihost.get_barrier_sync_fn()
    wait(key=f"m6rec-{next(_barrier_numbers)}", timeout_ms=_BARRIER_SECONDS * 1000)


@contextmanager
def first_process_writes() -> Iterator[bool]:
    """Yield True in the process that may write, the first; the others skip the work and wait.

    All processes enter together, so nobody still reads the old files, and leave together, so
    everybody sees the new ones:

        with process_group.first_process_writes() as may_write:
            if may_write:
                path.write_text(...)
    """
    barrier()
    yield is_first()
    # Not after an error: the others would overtake it, and this process would wait for them.
    barrier()


def share_of(values: "np.ndarray") -> "np.ndarray":
    """The part of `values` that this process works on; the parts of all processes add up."""
    import numpy as np

    return np.array_split(values, _count)[_index]


def sum_over_processes(value: int) -> int:
    """Sum `value` over the processes; all of them call this together."""
    if is_alone():
        return value
    import numpy as np
    from jax.experimental import multihost_utils

    barrier()
    return int(multihost_utils.process_allgather(np.array([value])).sum())


def gather_rows(rows: "np.ndarray") -> "np.ndarray":
    """Concatenate the rows of all processes, in their order; all of them call this together.

    Args:
        rows: Integers below 2**31; only the first axis may differ in size between processes.
    """
    if is_alone():
        return rows
    import numpy as np
    from jax.experimental import multihost_utils

    barrier()
    sizes = multihost_utils.process_allgather(np.array([len(rows)], np.int32)).reshape(-1)
    # `process_allgather` takes arrays of one shape.
    padded = np.zeros((int(sizes.max()), *rows.shape[1:]), np.int32)
    padded[: len(rows)] = rows
    parts = np.asarray(multihost_utils.process_allgather(padded)).reshape(_count, *padded.shape)
    return np.concatenate([part[:n] for part, n in zip(parts, sizes, strict=True)]).astype(
        rows.dtype
    )
