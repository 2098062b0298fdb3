"""Units of work that are done to a line of progress: count, rate, time left, latest figures."""

import time
from collections.abc import Mapping

from m6rec_cli.cli.shown_values import format_value
from m6rec_cli.system.shown_text import duration


class Pace:
    """Counts work. Rate and time left leave out the first step, which may compile.

    Attributes:
        done: Units so far.
        total: All units, if known.
    """

    def __init__(self, total: float | None, unit: str):
        """Nothing is done yet."""
        self.total, self.unit, self.done = total, unit, 0.0
        self._first: tuple[float, float] | None = None
        self._now = 0.0

    def advance(self, n: float) -> float:
        """Count `n` units that are done now; returns the time in seconds."""
        self.done += n
        self._now = time.monotonic()
        if self._first is None:
            self._first = self.done, self._now
        return self._now

    @property
    def rate(self) -> float | None:
        """Units per second since the first step; None before the second one."""
        if self._first is None or self._now <= self._first[1] or self.done <= self._first[0]:
            return None
        return (self.done - self._first[0]) / (self._now - self._first[1])

    @property
    def seconds_left(self) -> float | None:
        """Time until the total at this rate; None if either is unknown."""
        if self.total is None or self.rate is None:
            return None
        return max(self.total - self.done, 0) / self.rate

    def parts(self, figures: Mapping[str, object]) -> list[str]:
        """Count, time left, rate and figures as text, the most important part first."""
        count = f"{self.done:,.0f}" + ("" if self.total is None else f"/{self.total:,.0f}")
        parts = [f"{count} {self.unit}".rstrip()]
        if self.seconds_left is not None:
            parts.append(f"{duration(self.seconds_left)} left")
        if self.rate is not None:
            parts.append(f"{self.rate:,.0f}/s" if self.rate >= 10 else f"{self.rate:.1f}/s")
        return parts + [
            f"{name} {format_value(value)}" for name, value in figures.items() if value is not None
        ]


def fitting(parts: list[str], width: int, between: str = "  ") -> str:
    """The first parts that fit into `width`, in one line; none is cut."""
    from rich.cells import cell_len  # Rich takes a while to import

    line = ""
    for part in parts:
        longer = part if not line else line + between + part
        if cell_len(longer) > width:
            break
        line = longer
    return line
