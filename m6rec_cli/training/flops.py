"""A traced program to the floating-point operations in its matrix products; peak rates of devices.

The count multiplies each loop's body by its length; the compiler's own analysis counts the body
once. A product of (m, k) and (k, n) counts 2 m k n. All else is left out, as is usual in model FLOP
utilisation.
"""

import re
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Jaxpr, JaxprEqn, Literal, Var
from jax.stages import Traced

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
    "H200": 989e12,
    "L4": 121e12,
}
"""Dense bf16 (V100, T4: fp16) operations per second of a device by its maker, by `device_kind`.

From the data sheets of NVIDIA (half of the figures with sparsity) and the system architecture pages
of Google Cloud TPU. A device that is not here has no utilisation.
"""


def count_per_step(traced: Traced, tiles: int = 1) -> float:
    """The operations of one step in a traced dispatch, whose outer loop over steps counts once.

    Args:
        traced: The result of `jax.jit(...).trace(...)`.
        tiles: The length of a step's loop over softmax tiles, which the program does not know.
    """
    return _count(traced.jaxpr.jaxpr, [1, tiles])


def peak_flops(device_kinds: Sequence[str]) -> float | None:
    """The peak operations per second of devices; None if they mix or are unknown, such as CPUs."""
    kinds = set(device_kinds)
    found = [
        max((name for name in PEAK_FLOPS if re.search(rf"\b{name}\b", kind)), key=len, default=None)
        for kind in kinds
    ]
    if len(kinds) != 1 or found[0] is None:
        return None
    return PEAK_FLOPS[found[0]] * len(device_kinds)


def _count(jaxpr: Jaxpr, while_lengths: list[int]) -> float:
    """The operations of a program.

    Args:
        while_lengths: Length of the outer while loops, then of those within them.
    """
    total = 0.0
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            (contracted, _), _ = eqn.params["dimension_numbers"]
            left = _shape(eqn.invars[0])
            total += (
                2.0 * np.prod(_shape(eqn.outvars[0])) * np.prod([left[axis] for axis in contracted])
            )
            continue
        times, within = 1, while_lengths
        if eqn.primitive.name == "while":
            times, within = while_lengths[0], while_lengths[1:] or [1]
        elif eqn.primitive.name == "scan":
            times = eqn.params["length"]
        elif eqn.primitive.name == "shard_map":  # its shapes are those of one device
            times = eqn.params["mesh"].size
        inner = [_count(sub, within) for sub in _inner_programs(eqn)]
        if inner:
            total += times * (max(inner) if eqn.primitive.name == "cond" else sum(inner))
    return total


def _shape(value: Var | Literal) -> tuple[int, ...]:
    return cast(ShapedArray, value.aval).shape


def _inner_programs(eqn: JaxprEqn) -> Iterator[Jaxpr]:
    """The programs that an operation calls; for a custom gradient, the one that runs."""
    for name, value in eqn.params.items():
        if name.endswith(("jaxpr_thunk", "bwd", "fwd")):
            continue
        for one in value if isinstance(value, tuple | list) else (value,):
            if hasattr(one, "jaxpr"):
                yield one.jaxpr
            elif hasattr(one, "eqns"):
                yield one
