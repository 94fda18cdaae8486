"""Zoom: a slow cycle by a sine, and punch-ins, about a point of the picture that stays where it is.

The picture is moved between pixels by bilinear interpolation, which is smooth to a hundredth of a pixel; scaling and
cropping to whole pixels shakes by half of one.
"""

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from math import cos, pi
from typing import Any

import numpy as np

from utils.film.canvas import Canvas
from utils.film.layer import placed
from utils.image import Size
from utils.image.geometry import Matrix
from utils.media.timebase import Span


@dataclass(frozen=True)
class Punch:
    """A stretch of the film that is shown larger; it eases in and out over some frames."""

    span: Span
    scale: float
    ease: int = 0

    def at(self, index: int) -> float:
        """The scale in a frame."""
        if index not in self.span:
            return 1.0
        part = min(1.0, (index - self.span.start + 1) / (self.ease + 1), (self.span.stop - index) / (self.ease + 1))
        return 1 + (self.scale - 1) * (1 - cos(pi * part)) / 2


@dataclass(frozen=True)
class Focus:
    """The point that zooming keeps in its place from a frame on, as shares of the picture's width and height."""

    index: int
    x: float = 0.5
    y: float = 0.5


@dataclass(frozen=True)
class Zoom:
    """The scale of every frame of a film, and the point that it is scaled about."""

    span: Span
    rate: Fraction
    most: float = 1.0
    """The largest scale of the cycle; 1 is none."""
    cycle_s: float = 6.0
    punches: tuple[Punch, ...] = ()
    focus: tuple[Focus, ...] = ()
    """Points in the order of their frames; between two the point moves evenly."""

    def scale(self, index: int) -> float:
        """The scale in a frame: 1 at the start of each cycle and the most in its middle."""
        phase = float(index / self.rate / Fraction(self.cycle_s))
        scale = 1 + (self.most - 1) * (1 - cos(2 * pi * phase)) / 2
        for punch in self.punches:
            scale *= punch.at(index)
        return scale

    def point(self, index: int) -> tuple[float, float]:
        """The point that stays in its place in a frame."""
        if not self.focus:
            return 0.5, 0.5
        at = bisect_right(self.focus, index, key=lambda each: each.index)
        before, after = self.focus[max(0, at - 1)], self.focus[min(at, len(self.focus) - 1)]
        gap = after.index - before.index
        part = min(1.0, max(0.0, (index - before.index) / gap)) if gap > 0 else 0.0
        return before.x + part * (after.x - before.x), before.y + part * (after.y - before.y)

    def matrix(self, index: int, size: Size) -> Matrix:
        """From a pixel of the picture to where it is shown."""
        scale = self.scale(index)
        x, y = (share * side - 0.5 for share, side in zip(self.point(index), size, strict=True))
        return np.array([[scale, 0, (1 - scale) * x], [0, scale, (1 - scale) * y], [0, 0, 1]])

    def apply(self, canvas: Canvas, index: int) -> None:
        """Scale the picture, unless it stays as it is."""
        if self.scale(index) != 1.0:
            canvas.scale(self.matrix(index, canvas.size))

    def hides(self, index: int) -> bool:
        """A zoom shows what is below, only larger."""
        return False

    def told(self, span: Span) -> Any:
        """The cycle's phase at the first frame, and the punches and points that matter here."""
        cycle = self.rate * Fraction(self.cycle_s)
        phase = str(span.start - span.start // cycle * cycle) if self.most != 1 else "0"
        punches = [[*placed(each.span, span), each.scale, each.ease] for each in self.punches if each.span & span]
        points = [self.point(index) for index in span] if self.focus else []
        return ["zoom", self.most, self.cycle_s, phase, punches, [list(each) for each in points]]
