"""Another device's defaults in a test, or defaults of this one with other sizes."""

import dataclasses

import pytest

from m6rec_cli.system import device_defaults
from m6rec_cli.system.device_defaults import DeviceDefaults

GPU_MEMORY = 64 << 30


def use_defaults(
    monkeypatch: pytest.MonkeyPatch, platform: str = "cpu", **changes: object
) -> DeviceDefaults:
    """Make these the defaults; what is compiled already keeps those that it was traced with."""
    defaults = device_defaults.of(platform, f"some {platform}", GPU_MEMORY)
    changed = dataclasses.replace(defaults, **changes)
    monkeypatch.setattr(device_defaults, "current", lambda: changed)
    return changed
