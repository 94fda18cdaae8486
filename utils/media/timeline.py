"""The times of a clip's pictures as they can be used: rising, whatever the container says."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Timeline:
    """Strictly rising pts, and a note when the file's own could not be used as they are; 0 is an unknown duration."""

    time_base: Fraction
    pts: tuple[int, ...]
    last_duration: int
    note: str | None = None


def timeline(found: Sequence[int | None], time_base: Fraction | None, rate: Fraction, last_duration: int) -> Timeline:
    """The times of pictures in the order of showing; where a file has none, those of its rate."""
    pts = [value for value in found if value is not None]
    if len(pts) < len(found) or time_base is None:
        assumed = f"It has no timestamps for every frame: {float(rate):.3g} frames per second assumed."
        return Timeline(1 / rate, tuple(range(len(found))), 1, assumed)
    if all(a < b for a, b in pairwise(pts)):
        return Timeline(time_base, tuple(pts), _believable(last_duration, pts))
    ordered = sorted(set(pts))
    restarted = any(before - after > 1 / time_base for before, after in pairwise(pts))
    if len(ordered) == len(pts) and not restarted:
        note = "Its timestamps were out of order; they were sorted."
        return Timeline(time_base, tuple(ordered), 0, note)
    usual = max(1, round(1 / (rate * time_base)))
    note = "Its clock ran backwards; from there on it is counted on from the frame before."
    return Timeline(time_base, _continued(pts, usual, round(1 / time_base)), 0, note)


def _continued(pts: Sequence[int], usual: int, second: int) -> tuple[int, ...]:
    """Times that go on where a clock was set back: by its own steps after a restart, by the least step else."""
    shift, line = 0, [pts[0]]
    for value in pts[1:]:
        if value + shift <= line[-1] - second:
            shift = line[-1] + usual - value
        line.append(max(value + shift, line[-1] + 1))
    return tuple(line)


def _believable(last_duration: int, pts: Sequence[int]) -> int:
    """How long the last picture is shown: no longer than a hundred times the longest before it."""
    longest = max((b - a for a, b in pairwise(pts)), default=last_duration)
    return last_duration if last_duration <= 100 * longest else 0
