import jax
import jax.numpy as jnp
import pytest

from m6rec_cli.training.resource_meter import Meter, device_memory


def test_meter_leaves_the_first_dispatch_out_of_the_rates(report):
    meter = Meter(None, report)
    for events, steps, seconds in ((100, 2, 9.0), (100, 2, 1.0), (100, 2, 1.0), (50, 1, 3.0)):
        meter.dispatch(events, steps, seconds)
    summary = meter.summary()
    assert summary["events_per_second"] == 50.0
    assert summary["median_step_seconds"] == 0.5
    assert summary["peak_host_bytes"] > 50_000_000


def test_meter_counts_the_seconds_of_compilation(report, monkeypatch):
    meter = Meter(None, report)
    assert meter.summary()["compile_seconds"] == 0
    jax.jit(lambda x: jnp.sin(x) * 41.5)(jnp.ones(3))
    assert meter.summary()["compile_seconds"] > 0


def test_meter_of_a_run_without_a_second_dispatch_has_no_rates(report):
    meter = Meter(None, report)
    meter.dispatch(100, 2, 9.0)
    assert meter.summary()["events_per_second"] is None
    assert meter.summary()["median_step_seconds"] is None


def test_meter_traces_some_dispatches_after_the_first(report, tmp_path):
    meter = Meter(tmp_path, report)
    traced = []
    for _ in range(8):
        meter.dispatch(1, 1, 1.0)
        traced.append(meter.tracing)
    meter.close()
    assert traced == [False, True, True, True, False, False, False, False]
    assert list(tmp_path.rglob("*.xplane.pb"))
    assert report.notes == [f"trace of dispatches 3 to 5: {tmp_path}"]


def test_meter_without_enough_dispatches_for_a_trace_says_so(report, tmp_path):
    meter = Meter(tmp_path, report)
    meter.dispatch(1, 1, 1.0)
    meter.close()
    assert report.warnings == [
        "no dispatch is traced: that begins after 2 of them, and there were 1"
    ]


def test_meter_with_nothing_behind_the_warm_dispatches_traces_none(report, tmp_path):
    meter = Meter(tmp_path, report)
    for _ in range(2):
        meter.dispatch(1, 1, 1.0)
    meter.close()
    assert not meter.tracing
    assert report.notes == []
    assert report.warnings == [
        "no dispatch is traced: that begins after 2 of them, and there were 2"
    ]


def test_device_memory_is_the_largest_peak_where_jax_reports_it(monkeypatch):
    assert device_memory() == {}, "a CPU says nothing"

    class Device:
        def __init__(self, peak):
            self.peak = peak

        def memory_stats(self):
            return {"peak_bytes_in_use": self.peak}

    monkeypatch.setattr(jax, "local_devices", lambda: [Device(3), Device(5)])
    assert device_memory() == {"peak_device_bytes": 5}


@pytest.fixture(autouse=True)
def no_trace_is_left_open():
    yield
    with pytest.raises(RuntimeError, match="No profile started"):
        jax.profiler.stop_trace()
