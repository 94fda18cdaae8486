"""The time axis that all plots of the report page share: frames of the clip from left to right."""

from dataclasses import dataclass
from math import ceil, floor, log10


@dataclass(frozen=True)
class Clock:
    """The frame count and rate of the clip; at an unknown rate the axis counts frames."""

    frames: int
    fps: float | None

    @property
    def seconds(self) -> float | None:
        """The length of the clip; None at an unknown rate."""
        return self.frames / self.fps if self.fps else None

    @property
    def unit(self) -> str:
        return "s" if self.fps else "frames"

    def share(self, edge: float) -> float:
        """Where a frame begins, 0 to 1 from left to right; its middle is at `share(index + 0.5)`."""
        return min(1.0, max(0.0, edge / max(1, self.frames)))

    def ticks(self) -> list[tuple[float, str]]:
        """Round times for the axis, each with its place from 0 (left) to 1 (right)."""
        length = self.seconds or float(self.frames)
        return (
            [(value / length, shown) for value, shown in nice_ticks(0, length, 6) if value <= length] if length else []
        )

    def moment(self, index: int) -> str:
        """A frame in words: 'frame 120, 4.00 s'."""
        return f"frame {index:,}" + (f", {index / self.fps:.2f} s" if self.fps else "")


def nice_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """At most `most` round numbers that reach from below `low` to above `high`, each with its text."""
    span = max(high - low, 1e-9 * max(1.0, abs(high)), 1e-6)
    step = 10.0 ** floor(log10(span / most))
    step *= next(factor for factor in (1, 2, 5, 10, 20, 50) if _steps(low, high, step * factor) <= most)
    first = floor(low / step + 1e-9)
    decimals = max(0, -floor(log10(step) + 1e-9))
    numbers = [(first + index) * step for index in range(_steps(low, high, step) + 1)]
    return [(number, f"{number + 0.0:,.{decimals}f}".replace("-", "−")) for number in numbers]


def _steps(low: float, high: float, step: float) -> int:
    return max(1, ceil(high / step - 1e-9) - floor(low / step + 1e-9))
