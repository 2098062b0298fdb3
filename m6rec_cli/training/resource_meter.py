"""Duration and memory of a training run and, on request, a profiler trace of a few dispatches."""

import resource
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

import jax

from m6rec_cli.system import process_group
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.run_manifest import TrainingCost
from m6rec_cli.training.flops import peak_flops

_WARM_UP, _TRACED = 2, 3
"""Dispatches before the trace (the first compiles), and within it."""
_COMPILE_EVENT = "/jax/core/compile/backend_compile_duration"

_compile_seconds: list[float] = []


def _record_compile(event: str, duration_secs: float, **_: str | int) -> None:
    if event == _COMPILE_EVENT:
        _compile_seconds.append(duration_secs)


jax.monitoring.register_event_duration_secs_listener(_record_compile)


@dataclass
class ResourceMeter:
    """Counts dispatches; the first one compiles and is left out of the rates.

    Attributes:
        profile: Folder for the trace; None for no trace.
        n_dispatches: All dispatches so far.
        n_events: Target events without the first dispatch's.
        seconds: Duration without the first dispatch's.
        step_seconds: Mean duration of a step in each dispatch after the first.
        step_flops: Operations in the matrix products of one step.
    """

    profile: Path | None
    report: Reporter
    n_dispatches: int = 0
    n_events: float = 0.0
    seconds: float = 0.0
    step_flops: float = 0.0
    step_seconds: list[float] = field(default_factory=list)
    is_tracing: bool = False
    compiled_before: float = field(default_factory=lambda: sum(_compile_seconds))

    def add_dispatch(
        self, n_events: float, n_steps: int, seconds: float, step_flops: float = 0.0
    ) -> None:
        """Count a dispatch that has ended."""
        self.n_dispatches += 1
        self.step_flops = step_flops
        if self.n_dispatches > 1:
            self.n_events += n_events
            self.seconds += seconds
            self.step_seconds.append(seconds / n_steps)
        if self.profile is not None and self.n_dispatches == _WARM_UP:
            jax.profiler.start_trace(self.profile)
            self.is_tracing = True
        elif self.is_tracing and self.n_dispatches == _WARM_UP + _TRACED:
            self.close()

    def close(self) -> None:
        """End the trace; warn if the run was too short for one."""
        if self.is_tracing:
            jax.profiler.stop_trace()
            self.is_tracing = False
            if self.n_dispatches > _WARM_UP:
                self.report.note(
                    f"trace of dispatches {_WARM_UP + 1} to {self.n_dispatches}: {self.profile}"
                )
        if self.profile is not None and self.n_dispatches <= _WARM_UP:
            self.report.warn(
                f"no trace: it starts after {_WARM_UP} dispatches, "
                f"and the run had {self.n_dispatches}"
            )

    def cost(self, *, parameters: int, trainable_share: float, devices: str) -> TrainingCost:
        """The cost of the run for `run.json`; None for what was too short to measure."""
        step = statistics.median(self.step_seconds) if self.step_seconds else None
        rate = self.step_flops / step if step and self.step_flops else None
        peak = peak_flops([device.device_kind for device in jax.devices()])
        rss_unit = 1 if sys.platform == "darwin" else 1024
        return TrainingCost(
            parameters=parameters,
            trainable_share=round(trainable_share, 6),
            events_per_second=round(self.n_events / self.seconds, 1) if self.seconds else None,
            median_step_seconds=step,
            compile_seconds=round(sum(_compile_seconds) - self.compiled_before, 3),
            step_flops=self.step_flops or None,
            flops_per_second=rate,
            flop_utilisation=rate / peak if rate and peak else None,
            peak_host_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * rss_unit,
            peak_device_bytes=peak_device_bytes(),
            devices=devices,
            processes=process_group.process_count(),
        )


def peak_device_bytes() -> int | None:
    """The largest peak of this process's devices; None where jax does not report it (CPU)."""
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    return max((s["peak_bytes_in_use"] for s in stats if "peak_bytes_in_use" in s), default=None)
