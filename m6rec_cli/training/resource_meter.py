"""What a training run costs: seconds, memory and, if asked for, a trace of a few dispatches."""

import resource
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax

from m6rec_cli.system.progress import Reporter
from m6rec_cli.training import flops

_WARM, _TRACED = 2, 3
"""Dispatches before a trace (the first compiles) and within it."""
_COMPILE = "/jax/core/compile/backend_compile_duration"

_compiled: list[float] = []


def _listen(event: str, duration_secs: float, **_: Any) -> None:
    if event == _COMPILE:
        _compiled.append(duration_secs)


jax.monitoring.register_event_duration_secs_listener(_listen)


@dataclass
class Meter:
    """Counts dispatches as they are reported.

    Attributes:
        profile: Folder for the trace; `None` for no trace.
    """

    profile: Path | None
    report: Reporter
    n: int = 0
    events: float = 0.0
    seconds: float = 0.0
    flops: float = 0.0
    step_seconds: list[float] = field(default_factory=list)
    tracing: bool = False
    compiled_before: float = field(default_factory=lambda: sum(_compiled))

    def dispatch(self, events: float, steps: int, seconds: float, flops: float = 0.0) -> None:
        """Count a dispatch that has ended; the first one, which compiles, is left out of the rates.

        Args:
            flops: Operations of the matrix products of one step.
        """
        self.n += 1
        self.flops = flops
        if self.n > 1:
            self.events += events
            self.seconds += seconds
            self.step_seconds.append(seconds / steps)
        if self.profile is not None and self.n == _WARM:
            jax.profiler.start_trace(self.profile)
            self.tracing = True
        elif self.tracing and self.n == _WARM + _TRACED:
            self.close()

    def close(self) -> None:
        """End the trace; a run that is too short for one says so."""
        if self.tracing:
            jax.profiler.stop_trace()
            self.tracing = False
            if self.n > _WARM:
                self.report.note(f"trace of dispatches {_WARM + 1} to {self.n}: {self.profile}")
        if self.profile is not None and self.n <= _WARM:
            self.report.warn(
                f"no dispatch is traced: that begins after {_WARM} of them, and there were {self.n}"
            )

    def summary(self) -> dict[str, Any]:
        """For `run.json`: seconds, events per second and bytes; `null` for what was too short to measure."""
        step = statistics.median(self.step_seconds) if self.step_seconds else None
        rate = self.flops / step if step and self.flops else None
        most = flops.peak(jax.devices())
        return {
            "events_per_second": round(self.events / self.seconds, 1) if self.seconds else None,
            "median_step_seconds": step,
            "compile_seconds": round(sum(_compiled) - self.compiled_before, 3),
            "step_flops": self.flops or None,
            "flops_per_second": rate,
            "flop_utilisation": rate / most if rate and most else None,
            "peak_host_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            * (1 if sys.platform == "darwin" else 1024),
            **device_memory(),
        }


def device_memory() -> dict[str, int]:
    """The largest peak of this process's devices, where jax reports it (not on CPU)."""
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    peaks = [s["peak_bytes_in_use"] for s in stats if "peak_bytes_in_use" in s]
    return {"peak_device_bytes": max(peaks)} if peaks else {}
