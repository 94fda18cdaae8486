"""Exact time: frames are counted on a timeline of pts ticks, and rates are fractions, never floats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

STANDARD_RATES = tuple(
    Fraction(numerator, denominator)
    for numerator, denominator in (
        (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1),
        (12, 1), (15, 1), (10, 1), (15000, 1001), (48, 1), (120000, 1001), (120, 1),
    )
)  # fmt: skip


FINE = 8
"""Ticks a frame: with as many or more, a clip whose times stray by one is still of a constant rate."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run of timeline frames, half-open: the only way to say from-to."""

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
    """How frames follow one another: the exact rate, and whether every frame keeps to it."""

    rate: Fraction
    constant: bool


def cadence(pts: Sequence[int], time_base: Fraction, declared: Sequence[Fraction] = ()) -> Cadence:
    """The exact rate that explains every pts to within one tick, else the mean rate of a variable one.

    Containers round pts to their ticks (Matroska to milliseconds), so the rate is found by inverting that
    rounding: a candidate counts only if no frame strays from it.
    """
    if len(pts) < 2:
        return Cadence(next(iter(declared), Fraction(25)), constant=True)
    mean = Fraction(len(pts) - 1) / ((pts[-1] - pts[0]) * time_base)
    if mean * time_base * FINE <= 1:
        candidates = (*declared, *STANDARD_RATES, mean)
    else:
        candidates = (*(rate for rate in declared if (rate * time_base).numerator == 1), *STANDARD_RATES)
    for rate in candidates:
        if _explains(rate, pts, time_base):
            return Cadence(rate, constant=True)
    return Cadence(mean, constant=False)


def _explains(rate: Fraction, pts: Sequence[int], time_base: Fraction) -> bool:
    """True if pts differ from `rate` only by the rounding of each to a tick.

    Where a tick is no small part of a frame, a frame left out must not pass for rounding.
    """
    ticks = 1 / (rate * time_base)
    numerator, denominator = ticks.numerator, ticks.denominator
    astray = [(value - pts[0]) * denominator - index * numerator for index, value in enumerate(pts)]
    if ticks >= FINE:
        return max(map(abs, astray)) <= denominator
    return max(astray) - min(astray) < denominator
