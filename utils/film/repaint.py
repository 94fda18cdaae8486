"""Repainting: the whole picture is painted anew by a function of one picture, and kept from flickering.

What is kept steady must not depend on where drawing began, so that a film is the same from any chunks: each frame
depends on a run of frames before it, and runs begin at the same frames of the film whatever is drawn first. Where a run
gives way to the next one inside a shot, both are drawn and blended for some frames, so that no join is seen.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from utils.film.canvas import Canvas
from utils.film.layer import faded, placed_as_seen
from utils.flow import Search
from utils.image import RGB, Size
from utils.image.temporal import Consistency, Steadiness
from utils.media.colour import ColourConverter, ColourTags, samples
from utils.media.planes import FORMAT
from utils.media.timebase import Span

RUN, JOIN, SETTLING = 40, 12, 4
"""Frames from the start of a run to the start of the next one; for how many of those both are drawn; and for how many
of these the new run is not seen yet, because its first frames are not steady."""
STEADINESS, SEARCH = Steadiness(0.9, 16), Search("fast", 1)
"""As a restyled clip is kept steady by default."""
VERSION = 1
"""To be raised whenever the same paint gives other pictures."""


@dataclass(frozen=True)
class Repaint:
    """Paints the frames of a span; nothing is carried over `cuts`, the frames of the film that follow on a cut."""

    span: Span
    cuts: tuple[int, ...]
    paint: Callable[[RGB], RGB]
    """The picture anew, in the same size."""
    content: Any
    """All that decides what is painted, as JSON values."""
    colour: ColourTags
    opacity: float = 1.0
    fade_in: int = 0
    fade_out: int = 0
    steady: bool = True
    """Whether it is kept from flickering; one moment that is looked at alone need not be."""
    _steady: dict[int, Consistency] = field(default_factory=dict, compare=False, repr=False)
    """The filter of each run that is under way, by its first frame."""

    @cached_property
    def runs(self) -> tuple[Span, ...]:
        """The runs, which overlap inside a shot by the frames of a join."""
        inner = (cut for cut in self.cuts if self.span.start < cut < self.span.stop)
        bounds = [self.span.start, *inner, self.span.stop]
        return tuple(
            Span(start, min(start + RUN + JOIN, stop))
            for first, stop in pairwise(bounds)
            for start in range(first, stop, RUN)
        )

    def since(self, index: int) -> int:
        """The first frame that a frame depends on: it and all between are drawn in order before this one."""
        if not self.steady:
            return index
        return min((run.start for run in self._at(index)), default=index)

    def apply(self, canvas: Canvas, index: int) -> None:
        """Paint the frame, and lay it over what is there, or blend it in."""
        below = self._rgb(canvas)
        painted = self._steadied(below, index) if self.steady else self.paint(below)
        opacity = self.opacity * faded(index, self.span, self.fade_in, self.fade_out)
        for plane, onto in zip(self._converter.from_rgb(painted, FORMAT).planes, canvas.own(), strict=True):
            own = samples(plane)[: onto.shape[0], : onto.shape[1]]
            onto[:] = own if opacity >= 1 else cv2.addWeighted(own, opacity, onto, 1 - opacity, 0)

    def _steadied(self, below: RGB, index: int) -> RGB:
        """The painted frame, as the run or the two runs that it lies in leave it."""
        runs = self._at(index)
        for start in set(self._steady) - {run.start for run in runs}:
            del self._steady[start]
        nobody, fresh = np.zeros(below.shape[:2], np.uint8), self.paint(below)
        pictures = list[RGB]()
        for run in runs:
            if index == run.start or run.start not in self._steady:
                self._steady[run.start] = Consistency(STEADINESS, SEARCH)
            pictures.append(self._steady[run.start].next(fresh, below, nobody))
        if len(pictures) == 1:
            return pictures[0]
        share = max(0, index - runs[1].start - SETTLING + 1) / (JOIN - SETTLING + 1)
        return np.asarray(cv2.addWeighted(pictures[0], 1 - share, pictures[1], share, 0), np.uint8)

    def _at(self, index: int) -> list[Span]:
        """The runs that a frame lies in, one or two."""
        after = bisect_right(self.runs, index, key=lambda run: run.start)
        return [run for run in self.runs[max(0, after - 2) : after] if index in run]

    def _rgb(self, canvas: Canvas) -> RGB:
        picture = canvas.picture()
        return self._converter.to_rgb(picture, Size(picture.width, picture.height))

    @cached_property
    def _converter(self) -> ColourConverter:
        return ColourConverter(self.colour)

    def hides(self, index: int) -> bool:
        """What is below is painted, and so it is needed."""
        return False

    def told(self, span: Span) -> Any:
        """What is painted how strongly; its ends matter only where it fades, and of its runs those that are seen."""
        place = placed_as_seen(self.span, span, self.fade_in, self.fade_out)
        runs = [run.start - span.start for run in self.runs if run & span] if self.steady else []
        return ["repaint", VERSION, *place, self.fade_in, self.fade_out, self.opacity, runs, self.content]
