"""The timeline of a film: which moments of a clip its frames show, as whole frames at an exact rate.

A clip's time is divided into frames of the film's rate, from its first picture on: the grid. Cuts are rounded to the
grid once, and everything else follows from whole numbers: the frame that is shown, and the sample that is heard.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

from utils.digest import canonical_json, digest_bytes
from utils.errors import ClipError
from utils.media.clip import Clip
from utils.media.timebase import STANDARD_RATES, Span

Seconds = Fraction | float
QUICK = 10
"""One in so many frames of a variable rate is quicker than its quick stretches."""


def rounded(value: Fraction) -> int:
    """The nearest whole number; halves go up, so that equal steps stay equal."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def exact(seconds: Seconds) -> Fraction:
    """A time as it was written: a decimal number that people or files give means that number."""
    return seconds if isinstance(seconds, Fraction) else Fraction(seconds).limit_denominator(1_000_000)


def rate_for(clip: Clip) -> Fraction:
    """The rate of a film of this clip: its own, or a standard one near to the quick stretches of one that varies."""
    if clip.constant_rate or len(clip) < 2:
        return clip.rate
    steps = sorted(after - before for before, after in pairwise(clip.pts))
    quick_s = steps[len(steps) // QUICK] * clip.time_base
    return min(STANDARD_RATES, key=lambda rate: abs(rate * quick_s - 1))


def grid_length(clip: Clip, rate: Fraction) -> int:
    """How many frames of a rate a clip lasts."""
    return len(clip) if clip.constant_rate and rate == clip.rate else max(1, rounded(clip.duration_s * rate))


@dataclass(frozen=True)
class Timeline:
    """The frames of a film: its rate, and the pieces of the clip's grid that it shows, one after the other."""

    rate: Fraction
    pieces: tuple[Span, ...]
    """Ascending, and apart."""

    @classmethod
    def without(
        cls, clip: Clip, removed: Iterable[tuple[Seconds, Seconds]], rate: Fraction | None = None
    ) -> "Timeline":
        """All of a clip but what lies between these times, in seconds from its first picture."""
        rate = rate or rate_for(clip)
        end, kept, at = grid_length(clip, rate), list[Span](), 0
        for start_s, stop_s in sorted((exact(start), exact(stop)) for start, stop in removed):
            start, stop = (min(end, max(0, rounded(each * rate))) for each in (start_s, stop_s))
            if start > at and stop > start:
                kept.append(Span(at, start))
            if stop > start:
                at = max(at, stop)
        if at < end:
            kept.append(Span(at, end))
        if not kept:
            raise ClipError("The cuts leave nothing of the clip.", "Take some of them out of the plan.")
        return cls(rate, tuple(kept))

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Timeline":
        """Rebuild what `to_json` returned."""
        return cls(Fraction(told["rate"]), tuple(Span(*piece) for piece in told["pieces"]))

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values; the rate as "30000/1001"."""
        return {"rate": str(self.rate), "pieces": [[piece.start, piece.stop] for piece in self.pieces]}

    @property
    def digest(self) -> str:
        """Digest of all of it."""
        return digest_bytes(canonical_json(self.to_json()))

    def __len__(self) -> int:
        return self._stops[-1]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first frame of each piece in the film."""
        return (0, *self._stops[:-1])

    @cached_property
    def _stops(self) -> tuple[int, ...]:
        return tuple(accumulate(map(len, self.pieces)))

    @property
    def cuts(self) -> tuple[int, ...]:
        """The frames of the film that follow on a cut."""
        return self.starts[1:]

    def grid(self, index: int) -> int:
        """The frame of the clip's grid that a frame of the film shows."""
        number = bisect_right(self.starts, index) - 1
        return self.pieces[number].start + index - self.starts[number]

    def shown(self, clip: Clip) -> list[int]:
        """The frame of the clip that each frame of the film shows: the last one that began by its moment."""
        grid = (each for piece in self.pieces for each in range(piece.start, piece.stop))
        if clip.constant_rate:
            last, (up, down) = len(clip) - 1, (clip.rate / self.rate).as_integer_ratio()
            return [min(last, each * up // down) for each in grid]
        ticks = 1 / (self.rate * clip.time_base)
        begun = (clip.pts[0] + rounded(each * ticks) for each in grid)
        return [max(0, bisect_right(clip.pts, pts) - 1) for pts in begun]

    def sample(self, index: int, rate_hz: int) -> int:
        """The first sample of a frame, of the film or of the grid."""
        return rounded(index * rate_hz / self.rate)

    def frame_at(self, clip_s: Seconds) -> int:
        """The frame of the film at a time of the clip, or the next one that is shown; its length after the end."""
        wanted = rounded(exact(clip_s) * self.rate)
        number = bisect_right(self.pieces, wanted, key=lambda piece: piece.stop)
        if number == len(self.pieces):
            return len(self)
        return self.starts[number] + max(0, wanted - self.pieces[number].start)

    def spans(self, start_s: Seconds, stop_s: Seconds) -> tuple[Span, ...]:
        """Where the film shows what lies between two times of the clip; what a cut has taken out is in none."""
        first, stop = (max(0, rounded(exact(each) * self.rate)) for each in (start_s, stop_s))
        wanted, found = Span(first, max(first, stop)), list[Span]()
        near = bisect_right(self.pieces, wanted.start, key=lambda piece: piece.stop)
        for number in range(near, len(self.pieces)):
            start, piece = self.starts[number], self.pieces[number]
            if piece.start >= wanted.stop:
                break
            if both := piece & wanted:
                span = Span(start + both.start - piece.start, start + both.stop - piece.start)
                if found and found[-1].stop == span.start:
                    span = Span(found.pop().start, span.stop)
                found.append(span)
        return tuple(found)
