"""The canvas: one frame of a film in the making, as YUV planes that its layers draw on.

It begins as the planes of a decoded picture, which nobody may write to, and is copied when the first layer draws.
"""

from collections.abc import Sequence

import av
import cv2
import numpy as np

from utils.film.scaling import scaled
from utils.image import Size
from utils.image.geometry import Matrix, inverse
from utils.media.planes import FORMAT, SITED, Plane, Planes, pad, views

WHITE, BLACK, GREY = 235, 16, 128
"""Levels of luma in limited range, and the level of both colours where there is none."""


class Canvas:
    """The planes of a frame: luma, blue and red chroma at half the size."""

    def __init__(self, size: Size, sited: Matrix = SITED, *, full_range: bool = False) -> None:
        self.size, self.sited, self.full_range = size, sited, full_range
        self.planes: Sequence[Plane] = ()
        self._own: list[Plane] = []
        self._spare: list[Plane] | None = None
        self._picture: av.VideoFrame | None = None

    def begin(self, planes: Planes | None) -> None:
        """Begin another frame with these planes, or with nothing where a layer hides all of it."""
        self._picture = av.VideoFrame(*self.size.even, FORMAT)
        self._own = views(self._picture, self.size)
        if planes is None:
            self.planes = self._own
            return
        self.sited = planes.sited
        self.planes = (planes.brightness, *planes.colours)
        if Size.of(planes.brightness) != self.size:
            for plane, into in zip(self.planes, self._own, strict=True):
                cv2.resize(plane, Size.of(into), dst=into, interpolation=cv2.INTER_AREA)
            self.planes = self._own

    def own(self) -> Sequence[Plane]:
        """The planes, to be written to."""
        if self.planes is not self._own:
            for plane, into in zip(self.planes, self._own, strict=True):
                np.copyto(into, plane)
            self.planes = self._own
        return self._own

    def scale(self, matrix: Matrix) -> None:
        """Scale and shift the picture by a matrix of luma pixels; colours stay with what they belong to."""
        source = self.planes
        if source is self._own:
            self._spare = self._spare or [np.empty_like(plane) for plane in source]
            for plane, into in zip(source, self._spare, strict=True):
                np.copyto(into, plane)
            source = self._spare
        colour = inverse(self.sited) @ matrix @ self.sited
        for plane, into, move in zip(source, self._own, (matrix, colour, colour), strict=True):
            scaled(plane, move, into)
        self.planes = self._own

    def picture(self) -> av.VideoFrame:
        """The finished frame for the encoder."""
        assert self._picture is not None, "a frame begins first"
        pad(self._picture, list(self.own()))
        return self._picture
