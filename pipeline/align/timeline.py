"""The timeline of a composed clip: which frame of the foreground each of its pictures shows, and what is behind it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.align.time_map import TimeMap
from utils.media.clip import Clip
from utils.media.clip_part import part_of
from utils.media.timebase import Span

BRIDGED_S = 0.25
"""A gap of the foreground up to this length is filled with its nearest frames, so that lost frames do not flash."""


class Shown(NamedTuple):
    """What a picture shows: a frame of the foreground, or none, and a moment in frames of the background."""

    own: int | None
    moment: float


@dataclass(frozen=True)
class Timeline:
    """The pictures of a composed clip, and the clip, or part of a clip, whose times they have."""

    clip: Clip
    shown: tuple[Shown, ...]

    @classmethod
    def trimmed(cls, found: TimeMap, background: Clip, foreground: Clip) -> "Timeline":
        """The foreground's own times, from its first frame that matches to the last one."""
        matched = found.matched()
        span = Span(int(matched[0]), int(matched[-1]) + 1)
        moments = np.clip(
            np.interp(np.arange(span.start, span.stop), matched, found.moments[matched]), 0, len(background) - 1
        )
        shown = (Shown(index, float(moment)) for index, moment in zip(span, moments, strict=True))
        return cls(part_of(foreground, span), tuple(shown))

    @classmethod
    def whole(cls, found: TimeMap, background: Clip, foreground: Clip) -> "Timeline":
        """All of the background in its own times, with the foreground where it matches."""
        indices, moments = lasting(found, float(foreground.rate))
        step = float(background.rate / foreground.rate)
        bridged = BRIDGED_S * float(background.rate) + step
        after = np.searchsorted(moments, np.arange(len(background)))
        shown = []
        for index, right in enumerate(after):
            near = [place for place in (right - 1, right) if 0 <= place < len(moments)]
            nearest = min(near, key=lambda place: abs(moments[place] - index))
            inside = len(near) == 2 and moments[right] - moments[right - 1] <= bridged
            fits = inside or abs(moments[nearest] - index) <= max(step, 1.0) / 2
            shown.append(Shown(int(indices[nearest]) if fits else None, float(index)))
        return cls(background, tuple(shown))


def lasting(found: TimeMap, rate: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Frames that match or lie in a short gap between those that do, in the order of their moments."""
    matched = found.matched()
    gaps = np.diff(matched)
    short = [
        np.arange(left + 1, left + gap) for left, gap in zip(matched, gaps, strict=False) if gap <= BRIDGED_S * rate
    ]
    indices = np.unique(np.concatenate([matched, *short]))
    moments = np.interp(indices, matched, found.moments[matched])
    order = np.argsort(moments, kind="stable")
    return indices[order], moments[order]
