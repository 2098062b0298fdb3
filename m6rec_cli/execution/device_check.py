"""Each device to the time and the correctness of a matrix product on it."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax
import numpy as np

from m6rec_cli.system.device_defaults import memory_limit

if TYPE_CHECKING:
    from jaxlib._jax import Device  # `jax.Device` is no type for pyright

_SIDES = {"cpu": 1024}
_SIDE = 4096
"""Rows of the matrices on accelerators, which multiply small ones in no time."""
_REPEATS, _CHECKED_ROWS = 3, 16


@dataclass(frozen=True, kw_only=True)
class DeviceCheck:
    """A device that JAX sees.

    Attributes:
        kind: Such as `cpu` or `NVIDIA H100`.
        platform: Such as `cpu`, `gpu` or `tpu`.
        memory: Bytes that JAX may use there; None if it does not say.
        flops_per_second: Of the fastest of a few products; None if none succeeded.
        error: What went wrong; None if the product is right.
    """

    number: int
    kind: str
    platform: str
    memory: int | None
    flops_per_second: float | None
    error: str | None


def check_devices() -> list[DeviceCheck]:
    """Multiply two matrices on each device of this process."""
    return [_check(device) for device in jax.local_devices()]


def _check(device: "Device") -> DeviceCheck:
    rate, error = None, None
    try:
        rate = _multiply(device, _SIDES.get(device.platform, _SIDE))
        if rate is None:
            error = "the product of two matrices is wrong"
    except jax.errors.JaxRuntimeError as failure:
        error = str(failure).strip().partition("\n")[0][:200]
    return DeviceCheck(
        number=device.id,
        kind=device.device_kind,
        platform=device.platform,
        memory=memory_limit(device),
        flops_per_second=rate,
        error=error,
    )


def _multiply(device: "Device", side: int) -> float | None:
    """Operations per second; None if the product is wrong.

    The matrices hold -1, 0 and 1, so that the product is exact in every arithmetic of a device.
    """
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-1, 2, (side, side)).astype(np.float32) for _ in range(2))
    on_device = [jax.device_put(x, device) for x in (a, b)]
    multiply = jax.jit(jax.numpy.matmul)
    product = multiply(*on_device).block_until_ready()
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        product = multiply(*on_device).block_until_ready()
        seconds.append(time.perf_counter() - started)
    rows = slice(0, side, side // _CHECKED_ROWS)
    if not np.array_equal(np.asarray(product)[rows], a[rows] @ b):
        return None
    return 2 * side**3 / min(seconds)
