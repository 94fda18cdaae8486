"""Exact time: frame spans, frame rates as fractions, and repair of the timestamps that a container gives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

STANDARD_RATES = tuple(
    Fraction(numerator, denominator)
    for numerator, denominator in (
        (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1),
        (12, 1), (15, 1), (10, 1), (15000, 1001), (48, 1), (120000, 1001), (120, 1),
    )
)  # fmt: skip


FINE_TICKS = 8
"""With at least this many ticks per frame, times may stray by one tick and the rate still counts as constant."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range of frames, from `start` up to but not including `stop`."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.stop:
            raise ValueError(f"a span runs forward from 0 or later, not {self.start}:{self.stop}")

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.stop))

    def __contains__(self, index: int) -> bool:
        return self.start <= index < self.stop

    def __and__(self, other: "Span") -> "Span":
        start = max(self.start, other.start)
        return Span(start, max(start, min(self.stop, other.stop)))


@dataclass(frozen=True, slots=True)
class Cadence:
    """The exact frame rate, and whether every frame keeps to it."""

    rate: Fraction
    constant: bool


def cadence(pts: Sequence[int], time_base: Fraction, declared: Sequence[Fraction] = ()) -> Cadence:
    """The constant rate that explains every pts to within one tick, else the mean of a variable rate.

    Containers round pts to their ticks (Matroska to milliseconds), so the rate is found by inverting that rounding: a
    candidate is accepted only if no frame strays from it.
    """
    if len(pts) < 2:
        return Cadence(next(iter(declared), Fraction(25)), constant=True)
    mean = Fraction(len(pts) - 1) / ((pts[-1] - pts[0]) * time_base)
    if mean * time_base * FINE_TICKS <= 1:
        candidates = (*declared, *STANDARD_RATES, mean)
    else:
        candidates = (*(rate for rate in declared if (rate * time_base).numerator == 1), *STANDARD_RATES)
    for rate in candidates:
        if _explains(rate, pts, time_base):
            return Cadence(rate, constant=True)
    return Cadence(mean, constant=False)


def _explains(rate: Fraction, pts: Sequence[int], time_base: Fraction) -> bool:
    """Whether pts differ from `rate` only by the rounding of each to a tick.

    The test is stricter where a tick is a large part of a frame: a missing frame must not pass for rounding.
    """
    ticks = 1 / (rate * time_base)
    numerator, denominator = ticks.numerator, ticks.denominator
    deviations = [(value - pts[0]) * denominator - index * numerator for index, value in enumerate(pts)]
    if ticks >= FINE_TICKS:
        return max(map(abs, deviations)) <= denominator
    return max(deviations) - min(deviations) < denominator


@dataclass(frozen=True, slots=True)
class Timeline:
    """Strictly increasing pts, and a note if the file's own had to be repaired. A duration of 0 means unknown."""

    time_base: Fraction
    pts: tuple[int, ...]
    last_duration: int
    note: str | None = None


def timeline(
    frame_pts: Sequence[int | None], time_base: Fraction | None, rate: Fraction, last_duration: int
) -> Timeline:
    """Usable times of a clip's frames in display order; where the file has none, they follow from its rate."""
    pts = [value for value in frame_pts if value is not None]
    if len(pts) < len(frame_pts) or time_base is None:
        assumed = f"It has no timestamps for every frame: {float(rate):.3g} frames per second assumed."
        return Timeline(1 / rate, tuple(range(len(frame_pts))), 1, assumed)
    if all(a < b for a, b in pairwise(pts)):
        return Timeline(time_base, tuple(pts), _plausible_duration(last_duration, pts))
    ordered = sorted(set(pts))
    restarted = any(before - after > 1 / time_base for before, after in pairwise(pts))
    if len(ordered) == len(pts) and not restarted:
        note = "Its timestamps were out of order; they were sorted."
        return Timeline(time_base, tuple(ordered), 0, note)
    frame_ticks = max(1, round(1 / (rate * time_base)))
    note = "Its clock ran backwards; from there on it is counted on from the frame before."
    return Timeline(time_base, _continued(pts, frame_ticks, round(1 / time_base)), 0, note)


def _continued(pts: Sequence[int], frame_ticks: int, second: int) -> tuple[int, ...]:
    """Times that continue where the clock jumped back: by a usual frame after a restart, else by one tick."""
    shift, times = 0, [pts[0]]
    for value in pts[1:]:
        if value + shift <= times[-1] - second:
            shift = times[-1] + frame_ticks - value
        times.append(max(value + shift, times[-1] + 1))
    return tuple(times)


def _plausible_duration(last_duration: int, pts: Sequence[int]) -> int:
    """Duration of the last frame, or 0 when it is more than a hundred times the longest one before it."""
    longest = max((b - a for a, b in pairwise(pts)), default=last_duration)
    return last_duration if last_duration <= 100 * longest else 0
