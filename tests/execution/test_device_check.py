"""A matrix product on each device: right, wrong, or an error of the device."""

import jax
import jax.numpy as jnp
import pytest

from m6rec_cli.execution import device_check


@pytest.fixture(autouse=True)
def small_matrices(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(device_check._SIDES, "cpu", 32)


def test_each_device_multiplies_rightly():
    found = device_check.check_devices()
    assert [check.number for check in found] == [d.id for d in jax.local_devices()]
    assert {(check.platform, check.error) for check in found} == {("cpu", None)}
    assert all((check.flops_per_second or 0) > 0 for check in found)


def test_wrong_product_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jnp, "matmul", lambda a, b: (a @ b).at[0, 0].add(1))
    found = device_check.check_devices()[0]
    assert (found.flops_per_second, found.error) == (None, "the product of two matrices is wrong")


def test_failure_of_a_device_is_told_in_its_first_line(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise jax.errors.JaxRuntimeError("INTERNAL: no stream\ndetails")

    monkeypatch.setattr(jax, "device_put", fail)
    assert device_check.check_devices()[0].error == "INTERNAL: no stream"
