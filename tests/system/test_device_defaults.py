"""The defaults that depend on the device: as before on a CPU, by memory on an accelerator."""

import jax
import pytest

from m6rec_cli.system import device_defaults
from m6rec_cli.system.device_defaults import of

GIB = 1 << 30


def test_current_defaults_are_those_of_a_cpu_here():
    device = jax.local_devices()[0]
    assert device_defaults.current() == of("cpu", device.device_kind, None)


def test_defaults_of_a_cpu_do_not_depend_on_its_memory():
    small, large = of("cpu", "cpu", GIB), of("cpu", "cpu", 999 * GIB)
    assert small == large
    assert (small.scan, small.softmax_floats, small.softmax_rows) == (
        "sequential",
        1 << 22,
        (64, 512),
    )
    assert small.loops_over_bags and small.augments_softmax and small.scores_in_numpy
    assert (small.context_tokens, small.score_floats) == (8192, 16_000_000)


@pytest.mark.parametrize(
    ("limit", "memory"),
    [(None, 8), (11 * GIB, 8), (16 * GIB - 5, 8), (60 * GIB, 32), (105 * GIB, 64)],
)
@pytest.mark.parametrize("platform", ["gpu", "tpu"])
def test_defaults_of_an_accelerator_take_a_share_of_the_memory_rounded_down(
    platform, limit, memory
):
    found = of(platform, "some device", limit)
    assert found.memory == memory * GIB
    assert 4 * found.softmax_floats == 4 * found.score_floats == memory * GIB // 32
    assert (found.scan, found.loops_over_bags) == ("parallel", False)


def test_defaults_of_devices_of_one_kind_are_the_same_though_their_memory_differs_a_little():
    assert of("gpu", "H100", 63_000_000_000) == of("gpu", "H100", 62_990_000_000)


def test_defaults_as_text_name_the_device_and_what_differs():
    text = str(of("gpu", "NVIDIA H200", 105 * GIB))
    assert text == "gpu (NVIDIA H200, 64 GiB): parallel scan, softmax in tiles of 2048 MiB"


class SilentDevice:
    """A device like those of CPUs, or one that says what it has."""

    def __init__(self, stats: dict[str, int] | None) -> None:
        self.stats = stats

    def memory_stats(self) -> dict[str, int] | None:
        return self.stats


@pytest.mark.parametrize(
    ("stats", "limit"), [(None, None), ({}, None), ({"bytes_limit": 7, "bytes_in_use": 1}, 7)]
)
def test_memory_limit_is_what_the_device_says(stats, limit):
    assert device_defaults.memory_limit(SilentDevice(stats)) == limit
