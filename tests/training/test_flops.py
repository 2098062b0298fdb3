"""Operations of matrix products: loops count by their length, the steps of a dispatch once."""

import jax
import jax.numpy as jnp
import pytest

from m6rec_cli.execution.layout import Layout
from m6rec_cli.stages import pretrain
from m6rec_cli.training import flops
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.softmax import cross_entropy
from tests.worlds import planted_cycle


def count(function, *args, tiles=1):
    return flops.count_per_step(jax.jit(function).trace(*args), tiles)


def test_count_of_a_product_and_a_batch_of_products():
    assert count(lambda a, b: a @ b, jnp.ones((3, 5)), jnp.ones((5, 7))) == 2 * 3 * 5 * 7
    assert (
        count(
            lambda a, b: jnp.einsum("bij,bjk->bik", a, b), jnp.ones((4, 3, 5)), jnp.ones((4, 5, 7))
        )
        == 4 * 2 * 105
    )


def test_count_of_a_scan_is_by_its_length_and_of_steps_once():
    w = jnp.ones((6, 6))

    def scanned(x):
        return jax.lax.scan(lambda x, _: (x @ w, None), x, None, length=9)[0]

    assert count(scanned, jnp.ones((2, 6))) == 9 * 2 * 2 * 36
    assert (
        count(lambda x, n: jax.lax.fori_loop(0, n, lambda _, x: scanned(x), x), jnp.ones((2, 6)), 5)
        == 9 * 144
    )


@pytest.mark.parametrize("targets", [512, 200])
def test_count_of_the_softmax_is_three_products_of_targets_and_catalogue(targets):
    items, width = 1000, 16
    h, e = jnp.ones((512, width)), jnp.ones((items, width))
    weight = (jnp.arange(512) < targets).astype(float)

    def loss(h, e):
        return cross_entropy(
            h, e, jnp.zeros(items), jnp.zeros(512, jnp.int32), weight, typical_targets=targets
        )

    def steps(h, e, n):
        return jax.lax.fori_loop(0, n, lambda _, x: jax.grad(loss, argnums=(0, 1))(*x), (h, e))

    found = count(steps, h, e, 5, tiles=operations_for(Layout(items)).n_tiles(targets))
    assert found == pytest.approx(
        3 * 2 * targets * items * width, rel=0.15
    )  # two extra columns carry bias and norm


def test_peak_flops_is_known_for_devices_of_one_listed_kind():
    assert flops.peak_flops(["TPU v5 lite"] * 4) == 4 * 197e12
    assert flops.peak_flops(["TPU v5"]) == 459e12
    assert flops.peak_flops(["NVIDIA H100 PCIe"]) == 756e12
    assert flops.peak_flops(["NVIDIA A100-SXM4-40GB"]) == 312e12
    assert flops.peak_flops(["cpu"]) is None
    assert flops.peak_flops(["NVIDIA RTX A1000"]) is None
    assert flops.peak_flops(["TPU v4", "TPU v5"]) is None


def test_pretrain_summary_has_the_operations(tmp_path, small, report):
    data = planted_cycle(tmp_path / "data", n_users=32)
    run = pretrain.run(small(), data.path, tmp_path / "run", report)
    assert run["step_flops"] > 0
    assert run["flops_per_second"] == pytest.approx(run["step_flops"] / run["median_step_seconds"])
    assert run["flop_utilisation"] is None, "the peak of a CPU is unknown"
