"""Which frames of a stretch become key frames.

At first those that scale and distance ask for; then, while some frame between two keys shows too much of the subject
that neither key shows, that frame becomes a key too.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Unreached = Callable[[int, int], Mapping[int, float]]
"""The frames between two keys -> the share of the subject in each that neither key shows."""


@dataclass(frozen=True)
class Rules:
    """When a frame needs a key of its own."""

    scale: float = 1.3
    """Most that the subject grows or shrinks from one key to the next."""
    frames: int = 24
    """Most frames from one key to the next."""
    unreached: float = 0.25
    """Most of the subject, as a share of it, that no key near a frame may show."""
    least: int = 1
    """Fewest frames from one key to the next, but for the last frame."""


def keys(
    heights_px: Sequence[float], unreached: Unreached, rules: Rules, first: int = 0, given: Collection[int] = ()
) -> tuple[int, ...]:
    """The key frames from `first` on, in order, given the subject's height in each frame (0 where it is not seen).

    Frames that are `given` are keys, and so is the last one, so that each frame has a key on both sides.
    """
    whole = [first]
    fixed = sorted({first, *(key for key in given if key > first), len(heights_px) - 1})
    for part in pairwise(fixed):
        for start, stop in pairwise(_by_scale(heights_px, rules, *part)):
            whole += [*_between(start, stop, unreached, rules), stop]
    return tuple(whole)


def _by_scale(heights_px: Sequence[float], rules: Rules, first: int, last: int) -> Iterator[int]:
    """Frames so near each other that neither scale nor distance changes too much from one to the next."""
    key = first
    yield key
    for frame in range(first + 1, last + 1):
        if frame == last:
            yield frame
        elif frame - key >= rules.frames or (
            frame - key >= rules.least and _grown(heights_px[key], heights_px[frame + 1]) > rules.scale
        ):
            yield frame
            key = frame


def _between(start: int, stop: int, unreached: Unreached, rules: Rules) -> Iterator[int]:
    """More keys between two, until every frame there is reached that is not too near to one of them."""
    found = unreached(start, stop)
    shares = {frame: share for frame, share in found.items() if min(frame - start, stop - frame) >= rules.least}
    worst = max(shares, key=lambda frame: shares[frame], default=start)
    if shares and shares[worst] > rules.unreached:
        yield from _between(start, worst, unreached, rules)
        yield worst
        yield from _between(worst, stop, unreached, rules)


def _grown(before_px: float, after_px: float) -> float:
    """How many times larger or smaller; 1 where one of them is not known."""
    return max(before_px, after_px) / min(before_px, after_px) if before_px > 0 and after_px > 0 else 1.0
