"""What a training run took: size, speed and memory."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainingCost:
    """Size, speed and memory of a training run; None for what could not be measured.

    Attributes:
        parameters: Number of the model's parameters.
        trainable_share: The share of them that training changes.
        events_per_second: Target events, without the first dispatch, which compiles.
        step_flops: Floating-point operations in the matrix products of one step.
        flop_utilisation: Share of the devices' peak.
        peak_device_bytes: Largest peak of this process's devices.
        devices: Number and layout.
    """

    parameters: int
    trainable_share: float
    events_per_second: float | None
    median_step_seconds: float | None
    compile_seconds: float
    step_flops: float | None
    flops_per_second: float | None
    flop_utilisation: float | None
    peak_host_bytes: int
    peak_device_bytes: int | None = None
    devices: str
    processes: int
