"""Rates without the first dispatch, compilation, memory, and the profiler trace."""

import jax
import jax.numpy as jnp
import pytest

from m6rec_cli.training.resource_meter import ResourceMeter, peak_device_bytes


def cost(meter):
    return meter.cost(parameters=1, trainable_share=1.0, devices="1 device")


def test_meter_leaves_the_first_dispatch_out_of_the_rates(report):
    meter = ResourceMeter(None, report)
    for events, steps, seconds in ((100, 2, 9.0), (100, 2, 1.0), (100, 2, 1.0), (50, 1, 3.0)):
        meter.add_dispatch(events, steps, seconds)
    measured = cost(meter)
    assert measured.events_per_second == 50.0
    assert measured.median_step_seconds == 0.5
    assert measured.peak_host_bytes > 50_000_000


def test_meter_counts_the_seconds_of_compilation(report, monkeypatch):
    meter = ResourceMeter(None, report)
    assert cost(meter).compile_seconds == 0
    jax.jit(lambda x: jnp.sin(x) * 41.5)(jnp.ones(3))
    assert cost(meter).compile_seconds > 0


def test_meter_with_one_dispatch_has_no_rates(report):
    meter = ResourceMeter(None, report)
    meter.add_dispatch(100, 2, 9.0)
    assert cost(meter).events_per_second is None
    assert cost(meter).median_step_seconds is None


def test_meter_traces_three_dispatches_after_the_warm_up(report, tmp_path):
    meter = ResourceMeter(tmp_path, report)
    traced = []
    for _ in range(8):
        meter.add_dispatch(1, 1, 1.0)
        traced.append(meter.is_tracing)
    meter.close()
    assert traced == [False, True, True, True, False, False, False, False]
    assert list(tmp_path.rglob("*.xplane.pb"))
    assert report.notes == [f"trace of dispatches 3 to 5: {tmp_path}"]


def test_meter_with_too_few_dispatches_for_a_trace_warns(report, tmp_path):
    meter = ResourceMeter(tmp_path, report)
    meter.add_dispatch(1, 1, 1.0)
    meter.close()
    assert report.warnings == ["no trace: it starts after 2 dispatches, and the run had 1"]


def test_meter_with_only_warm_up_dispatches_keeps_no_trace_and_warns(report, tmp_path):
    meter = ResourceMeter(tmp_path, report)
    for _ in range(2):
        meter.add_dispatch(1, 1, 1.0)
    meter.close()
    assert not meter.is_tracing
    assert report.notes == []
    assert report.warnings == ["no trace: it starts after 2 dispatches, and the run had 2"]


def test_peak_device_bytes_is_the_largest_peak_where_jax_reports_it(monkeypatch):
    assert peak_device_bytes() is None, "not reported on CPU"

    class Device:
        def __init__(self, peak):
            self.peak = peak

        def memory_stats(self):
            return {"peak_bytes_in_use": self.peak}

    monkeypatch.setattr(jax, "local_devices", lambda: [Device(3), Device(5)])
    assert peak_device_bytes() == 5


@pytest.fixture(autouse=True)
def no_trace_stays_open():
    yield
    with pytest.raises(RuntimeError, match="No profile started"):
        jax.profiler.stop_trace()
