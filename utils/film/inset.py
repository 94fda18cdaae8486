"""Insets: another clip within a film, over all of the picture (b-roll) or a part of it, with fades."""

from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np

from utils.film.canvas import Canvas
from utils.film.in_order import InOrder
from utils.film.layer import faded, placed
from utils.image import Box, Size
from utils.media.clip import Clip
from utils.media.colour import ColourTags
from utils.media.planes import Plane
from utils.media.timebase import Span

Fit = Literal["cover", "contain"]


@dataclass(frozen=True)
class Inset:
    """A clip over a box of the film. `shown` is its frame for each frame of the span."""

    clip: Clip
    span: Span
    shown: tuple[int, ...]
    box: Box
    size: Size
    """That of the film."""
    colour: ColourTags
    fit: Fit = "cover"
    fade_in: int = 0
    fade_out: int = 0
    _frames: list[InOrder] = field(default_factory=list, compare=False, repr=False)

    def apply(self, canvas: Canvas, index: int) -> None:
        """Lay the frame of the clip over the box, or blend it while it fades."""
        if not self._frames:
            self._frames.append(InOrder(self.clip, self.colour, self.shown))
        planes = self._frames[0].at(index - self.span.start)
        opacity = faded(index, self.span, self.fade_in, self.fade_out)
        halves = Box(*(side // 2 for side in self.box[:2]), *(-(-side // 2) for side in self.box[2:]))
        sources = zip((planes.brightness, *planes.colours), (self.box, halves, halves), canvas.own(), strict=True)
        for plane, box, onto in sources:
            _lay(self._fitted(plane, box.size), onto, self._target(box), opacity)
        if index == self.span.stop - 1:
            self.close()

    def close(self) -> None:
        """Stop decoding the clip."""
        while self._frames:
            self._frames.pop().close()

    def _target(self, box: Box) -> Box:
        """The part of the box that is covered: all of it, or the middle where the clip keeps its shape."""
        if self.fit == "cover":
            return box
        size = self._contained(box.size)
        left, top = (start + (side - own) // 2 for start, side, own in zip(box[:2], box.size, size, strict=True))
        return Box(left, top, left + size.width_px, top + size.height_px)

    def _contained(self, size: Size) -> Size:
        scale = min(side / own for side, own in zip(size, self.clip.size, strict=True))
        return Size(*(min(side, max(1, round(scale * own))) for side, own in zip(size, self.clip.size, strict=True)))

    def _fitted(self, plane: Plane, size: Size) -> Plane:
        """A plane as large as it is shown; its sides are cropped where it covers a box of another shape."""
        if self.fit == "contain":
            return _resized(plane, self._contained(size))
        own = Size.of(plane)
        scale = min(own.width_px / size.width_px, own.height_px / size.height_px)
        kept = Size(*(min(side, max(1, round(scale * wanted))) for side, wanted in zip(own, size, strict=True)))
        left, top = ((side - keep) // 2 for side, keep in zip(own, kept, strict=True))
        return _resized(plane[top : top + kept.height_px, left : left + kept.width_px], size)

    def hides(self, index: int) -> bool:
        """Whether it covers the whole picture, and does not fade."""
        covers = self.fit == "cover" and self.box == Box(0, 0, *self.size)
        return covers and faded(index, self.span, self.fade_in, self.fade_out) >= 1

    def told(self, span: Span) -> Any:
        """The frames of the clip that are seen here, and how they are laid."""
        seen = self.span & span
        shown = list(self.shown[seen.start - self.span.start : seen.stop - self.span.start])
        start, stop = placed(self.span, span)
        start, stop = max(start, -self.fade_in), min(stop, len(span) + self.fade_out)
        return ["inset", self.clip.digest, start, stop, shown, list(self.box), self.fit, self.fade_in, self.fade_out]


def _resized(plane: Plane, size: Size) -> Plane:
    if Size.of(plane) == size:
        return plane
    smaller = size.area_px < plane.size  # averages areas, so that nothing shimmers
    kind = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=kind), np.uint8)


def _lay(plane: Plane, onto: Plane, box: Box, opacity: float) -> None:
    part = onto[box.slices]
    plane = plane[: part.shape[0], : part.shape[1]]
    if opacity >= 1:
        part[:] = plane
    else:
        part[:] = cv2.addWeighted(plane, opacity, part, 1 - opacity, 0)
