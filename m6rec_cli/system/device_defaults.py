"""The device to the defaults that depend on it: the form of some programs and the sizes of tiles.

| Default | CPU | GPU and TPU |
|---|---|---|
| `scan`: a linear recurrence with `model.decoder.scan=auto` | sequential | parallel |
| `loops_over_bags`: sums of tokens, categories, sets | a loop over the members | one gather |
| `augments_softmax`: bias and norm of the softmax | columns of its products | sums of their own |
| `softmax_floats`: logits of a tile in training | 16 MiB: cached | 1/32 of the memory |
| `softmax_rows`: positions of a tile | 64 to 512 | 64 or more |
| `score_floats`: scores of a tile of users and all items | 64 MB | 1/32 of the memory |
| `context_tokens`: tokens whose contexts are computed at once | 8,192: in the cache | 65,536 |
| `ranked_items`: items of a block of the catalogue in a ranking | 1,024 | 16,384 |
| `gathered_floats`: embeddings gathered at once in a ranking | those of one user | 128 MiB |
| `scores_in_numpy`: scores of all items in `evaluate` | yes: no copy, no compilation | no |

A CPU is bound by the bandwidth of its memory, so tiles fit into the cache and loops are cheap. An
accelerator is bound by the start of each operation, so loops are few and tiles large. The memory is
what JAX may use (`bytes_limit`), rounded down to a power of two, so that processes with devices of
one kind compile the same program; 8 GiB where the device does not say.

What a run learns does not depend on the device: `train.batch_targets`, `train.learning_rate`,
`train.steps_per_dispatch` and `train.precision` have the same defaults everywhere. JAX itself
rounds the factors of float32 products on GPUs (TF32) and TPUs (bf16); to prevent that, set the
environment variable `JAX_DEFAULT_MATMUL_PRECISION=highest`.
"""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax

if TYPE_CHECKING:
    from jaxlib._jax import Device  # `jax.Device` is no type for pyright

_UNKNOWN_MEMORY = 8 << 30
_SHARE = 32
"""A tile's logits take this part of the memory; at most three arrays of its size exist at once."""


@dataclass(frozen=True, kw_only=True)
class DeviceDefaults:
    """The defaults of one kind of device; the module has them in a table.

    Attributes:
        platform: `cpu`, `gpu` or `tpu`.
        kind: Such as `cpu` or `NVIDIA H200`.
        memory: Bytes by which tiles are chosen; None on a CPU, where the cache decides.
    """

    platform: str
    kind: str
    memory: int | None
    scan: str
    loops_over_bags: bool
    augments_softmax: bool
    softmax_floats: int
    softmax_rows: tuple[int, int]
    score_floats: int
    context_tokens: int
    ranked_items: int
    gathered_floats: int
    scores_in_numpy: bool

    def __str__(self) -> str:
        memory = "" if self.memory is None else f", {self.memory / 2**30:g} GiB"
        return (
            f"{self.platform} ({self.kind}{memory}): {self.scan} scan, softmax in tiles of "
            f"{self.softmax_floats / 2**18:g} MiB"
        )


def of(platform: str, kind: str, memory: int | None) -> DeviceDefaults:
    """The defaults of a device.

    Args:
        memory: Bytes that JAX may use there; None if it does not say.
    """
    if platform == "cpu":
        return DeviceDefaults(
            platform=platform,
            kind=kind,
            memory=None,
            scan="sequential",
            loops_over_bags=True,
            augments_softmax=True,
            softmax_floats=1 << 22,
            softmax_rows=(64, 512),
            score_floats=16_000_000,
            context_tokens=8192,
            ranked_items=1024,
            gathered_floats=0,
            scores_in_numpy=True,
        )
    memory = 1 << ((memory or _UNKNOWN_MEMORY).bit_length() - 1)
    tile = memory // _SHARE // 4
    return DeviceDefaults(
        platform=platform,
        kind=kind,
        memory=memory,
        scan="parallel",
        loops_over_bags=False,
        augments_softmax=False,
        softmax_floats=tile,
        softmax_rows=(64, 1 << 30),
        score_floats=tile,
        context_tokens=65_536,
        ranked_items=16_384,
        gathered_floats=1 << 25,
        scores_in_numpy=False,
    )


@functools.cache
def current() -> DeviceDefaults:
    """The defaults of the devices that JAX uses by default."""
    device = jax.local_devices()[0]
    return of(device.platform, device.device_kind, memory_limit(device))


def memory_limit(device: "Device") -> int | None:
    """Bytes that JAX may use on a device; None if it does not say."""
    return (device.memory_stats() or {}).get("bytes_limit")
