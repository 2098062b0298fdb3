"""How many floating-point operations a step's matrix products take, and what share of a device's peak that is.

Counted from the traced program, loop by loop, since a compiler's own analysis counts the body of a loop once. A product
of (m, k) and (k, n) counts 2 m k n; what is not a product is left out, as is usual in model FLOP utilisation.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

PEAK_FLOPS = {
    "TPU v4": 275e12,
    "TPU v5 lite": 197e12,
    "TPU v5": 459e12,
    "TPU v5p": 459e12,
    "TPU v6 lite": 918e12,
    "V100": 125e12,
    "T4": 65e12,
    "A100": 312e12,
    "H100": 989e12,
    "H100 PCIe": 756e12,
}
"""Dense bf16 (V100, T4: fp16) operations a second of one device as its maker gives them, by what `device_kind` contains."""


def count_per_step(traced: Any, tiles: int = 1) -> float:
    """The operations of a traced dispatch, whose loop of unknown length, the steps, is counted once.

    Args:
        traced: What `jax.jit(...).trace(...)` gives.
        tiles: How often a loop of unknown length within a step is counted: that over tiles with a target.
    """
    return _count(traced.jaxpr.jaxpr, [1, tiles])


def peak_flops(devices: Sequence[Any]) -> float | None:
    """The operations a second that all devices together could do; `None` if a kind is not known (a CPU)."""
    kinds = {device.device_kind for device in devices}
    found = [
        max((name for name in PEAK_FLOPS if re.search(rf"\b{name}\b", kind)), key=len, default=None)
        for kind in kinds
    ]
    if len(kinds) != 1 or found[0] is None:
        return None
    return PEAK_FLOPS[found[0]] * len(devices)


def _count(jaxpr: Any, unknown: list[int]) -> float:
    """`unknown` says how often loops of unknown length are counted: the next, and those within it."""
    total = 0.0
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            (contracted, _), _ = eqn.params["dimension_numbers"]
            left = eqn.invars[0].aval.shape
            total += (
                2.0
                * np.prod(eqn.outvars[0].aval.shape)
                * np.prod([left[axis] for axis in contracted])
            )
            continue
        times, within = 1, unknown
        if eqn.primitive.name == "while":
            times, within = unknown[0], unknown[1:] or [1]
        elif eqn.primitive.name == "scan":
            times = eqn.params["length"]
        elif eqn.primitive.name == "shard_map":  # shapes within are those of one device
            times = eqn.params["mesh"].size
        inner = [_count(sub, within) for sub in _inner_programs(eqn)]
        if inner:
            total += times * (max(inner) if eqn.primitive.name == "cond" else sum(inner))
    return total


def _inner_programs(eqn: Any) -> Iterator[Any]:
    """The programs that an operation calls; of one with a gradient of its own, the one that runs."""
    for name, value in eqn.params.items():
        if name.endswith(("jaxpr_thunk", "bwd", "fwd")):
            continue
        for one in value if isinstance(value, tuple | list) else (value,):
            if hasattr(one, "jaxpr"):
                yield one.jaxpr
            elif hasattr(one, "eqns"):
                yield one
