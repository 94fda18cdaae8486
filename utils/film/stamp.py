"""Stamps: pictures with transparency on a film, such as a logo, a title or a cue. Only their box is touched."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.film.canvas import Canvas
from utils.film.layer import faded, placed_as_seen
from utils.image import Box, Size
from utils.media.colour import ColourConverter, ColourTags, samples
from utils.media.planes import FORMAT, Plane
from utils.media.timebase import Span

RGBA = NDArray[np.uint8]
"""H x W x 4, full range, colours not multiplied by opacity."""


@dataclass(frozen=True)
class Patch:
    """A picture with transparency in planes, as large as it is shown, at an even place."""

    box: Box
    planes: tuple[Plane, ...]
    opacity: tuple[Plane, ...]

    @classmethod
    def of(cls, rgba: RGBA, left: int, top: int, size: Size, colour: ColourTags) -> "Patch":
        """A picture with its left upper corner at a place of a film of this size; what lies outside is cut off."""
        height, width = rgba.shape[:2]
        shown = Box(left, top, left + width, top + height) & Box(0, 0, *size)
        even = Box(
            shown.left // 2 * 2, shown.top // 2 * 2, -(-shown.right // 2) * 2, -(-shown.bottom // 2) * 2
        )  # chroma has a pixel for two by two
        if not shown.size.area_px:
            return cls(Box(0, 0, 0, 0), (), ())
        canvas = np.zeros((even.size.height_px, even.size.width_px, 4), np.uint8)
        canvas[shown.within(even).slices] = rgba[shown.within(Box(left, top, left, top)).slices]
        picture = ColourConverter(colour).from_rgb(_bled(canvas), FORMAT)
        opacity = canvas[..., 3]
        half = np.asarray(cv2.resize(opacity, even.size.scaled(0.5), interpolation=cv2.INTER_AREA), np.uint8)
        planes = tuple(np.ascontiguousarray(samples(plane)) for plane in picture.planes)
        return cls(even, planes, (np.ascontiguousarray(opacity), half, half))

    @cached_property
    def _whole(self) -> list[tuple[Any, Plane]]:
        """The products for full opacity, computed once."""
        return [_products(plane, share) for plane, share in zip(self.planes, self.opacity, strict=True)]

    def blend(self, canvas: Canvas, opacity: float = 1.0) -> None:
        """Blend it over a frame; pixels that it leaves transparent stay exactly as they are."""
        if not self.box.size.area_px:
            return
        parts = self._whole
        if opacity < 1:
            shares = (cv2.convertScaleAbs(each, alpha=opacity) for each in self.opacity)
            parts = [_products(plane, share) for plane, share in zip(self.planes, shares, strict=True)]
        boxes = (self.box, *[Box(*(side // 2 for side in self.box))] * 2)
        for onto, box, (premultiplied, kept) in zip(canvas.own(), boxes, parts, strict=True):
            part = onto[box.slices]
            height, width = part.shape
            below = cv2.multiply(part, kept[:height, :width], dtype=cv2.CV_16U)
            total = cv2.add(below, premultiplied[:height, :width])
            part[:] = cv2.convertScaleAbs(total, alpha=1 / 255)


def _products(plane: Plane, share: Plane) -> tuple[Any, Plane]:
    """The plane times its opacity, and the share that what is below keeps."""
    return cv2.multiply(plane, share, dtype=cv2.CV_16U), np.asarray(255 - share, np.uint8)


def _bled(rgba: RGBA) -> NDArray[np.uint8]:
    """Its colours, spread into what is transparent, so that no dark rim comes from there when chroma is halved."""
    rgb, solid = rgba[..., :3].copy(), rgba[..., 3] > 0
    if solid.all() or not solid.any():
        return rgb
    weight = cv2.blur(solid.astype(np.float32), (5, 5))
    spread = cv2.blur(rgb.astype(np.float32) * solid[..., None], (5, 5)) / np.maximum(weight, 1e-6)[..., None]
    rgb[~solid] = np.rint(spread[~solid])
    return np.ascontiguousarray(rgb)


@dataclass(frozen=True)
class Stamp:
    """A patch on the frames of a span. It is drawn when it is first needed, and kept until the film goes on."""

    span: Span
    draw: Callable[[], Patch]
    content: Any
    """All that decides what is drawn, as JSON values."""
    fade_in: int = 0
    fade_out: int = 0
    opacity: float = 1.0
    _drawn: list[Patch] = field(default_factory=list, compare=False, repr=False)

    def apply(self, canvas: Canvas, index: int) -> None:
        """Blend the patch over the frame."""
        if not self._drawn:
            self._drawn.append(self.draw())
        self._drawn[0].blend(canvas, self.opacity * faded(index, self.span, self.fade_in, self.fade_out))
        if index == self.span.stop - 1:
            self._drawn.clear()

    def hides(self, index: int) -> bool:
        """A stamp is taken for something that leaves the picture visible."""
        return False

    def told(self, span: Span) -> Any:
        """What is drawn; where it begins and ends matters only where it fades or does so within."""
        place = placed_as_seen(self.span, span, self.fade_in, self.fade_out)
        return ["stamp", *place, self.fade_in, self.fade_out, self.opacity, self.content]
