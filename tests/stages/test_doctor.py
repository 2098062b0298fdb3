"""What the doctor finds: a healthy installation, and each thing that is missing."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from m6rec_cli.execution import device_check
from m6rec_cli.execution.device_check import DeviceCheck
from m6rec_cli.stages import doctor
from m6rec_cli.system import extras
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter

CPU = DeviceCheck(
    number=0, kind="cpu", platform="cpu", memory=None, flops_per_second=2e9, error=None
)


@pytest.fixture(autouse=True)
def one_cpu(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device_check, "check_devices", lambda: [CPU])
    monkeypatch.setattr(doctor, "has_nvidia", lambda: False)


def test_healthy_installation_has_no_problem():
    found = doctor.run()
    found.require_health()
    tree, report = found.to_json(), SilentReporter()
    found.show(report)
    assert tree["problems"] == []
    assert tree["libraries"]["jax"] is not None
    assert tree["extras"] == {name: extras.is_installed(name) for name in extras.PURPOSES}
    assert tree["devices"][0]["kind"] == "cpu"
    notes = [" ".join(note.split()) for note in report.notes]
    assert "device 0 cpu: a matrix product is right, 2 GFLOP/s" in notes
    assert report.notes[-1] == "✓ m6rec works here"


def test_missing_library_is_a_problem(monkeypatch: pytest.MonkeyPatch):
    def version(name: str) -> str:
        if name == "optax":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(doctor, "version", version)
    found = doctor.run()
    assert found.problems == ["the library `optax` is missing"]
    assert "devices" not in found.facts, "the model cannot be imported"
    with pytest.raises(M6RecError, match="the library `optax` is missing"):
        found.require_health()


def test_missing_extra_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(extras, "is_installed", lambda name: name != "media")
    lines = dict(doctor.run().lines)
    assert lines["extra media"] == (
        "for sounds and videos; not installed: pip install 'm6rec-cli[media]'"
    )
    assert lines["extra onnx"] == "for frozen ONNX encoders"


def test_device_that_fails_is_a_problem(monkeypatch: pytest.MonkeyPatch):
    broken = DeviceCheck(
        number=1, kind="H9", platform="gpu", memory=10**9, flops_per_second=None, error="no stream"
    )
    monkeypatch.setattr(device_check, "check_devices", lambda: [CPU, broken])
    found = doctor.run()
    assert found.problems == ["device 1 (H9): no stream"]
    assert ("device 1", "H9, 1.0 GB: no stream") in found.lines


def test_backend_that_does_not_start_is_a_problem(monkeypatch: pytest.MonkeyPatch):
    def fail() -> list[DeviceCheck]:
        raise RuntimeError("Unable to initialize backend 'cuda'\nmore")

    monkeypatch.setattr(device_check, "check_devices", fail)
    assert doctor.run().problems == ["Unable to initialize backend 'cuda'"]


def test_unused_gpu_and_cache_without_access_are_warnings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(doctor, "has_nvidia", lambda: True)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("M6REC_CACHE_DIR", str(tmp_path / "file" / "cache"))
    found = doctor.run()
    assert found.problems == []
    cache, gpu = found.warnings
    assert "set M6REC_CACHE_DIR" in cache
    assert gpu.endswith("pip install 'm6rec-cli[cuda]'")


def test_little_memory_and_disk_are_warnings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "free_memory", lambda: 10**8)
    monkeypatch.setattr(doctor, "_FEW_BYTES", 10**18)
    assert [text.partition(":")[0] for text in doctor.run().warnings] == [
        "little free memory",
        "little free disk in the working directory",
    ]
