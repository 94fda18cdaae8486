"""Decoded pictures as they are stored: a plane of brightness and two of colour, of half the size in 4:2:0.

What is moved and written again in the same colours needs no way through RGB, and what follows a camera no colours.
"""

from dataclasses import dataclass
from functools import cached_property

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, Orientation, Size
from utils.image.geometry import Matrix, inverse
from utils.media.clip import Clip
from utils.media.colour import ColourConverter, samples

Plane = NDArray[np.uint8]
"""H x W."""

FORMAT = "yuv420p"
HALVED = (FORMAT, "yuvj420p")
BRIGHT = (*HALVED, "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray")
"""Pixel formats whose first plane is the brightness, in 8 bits."""
FULL = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
"""Of each level of limited range. More levels let motion be measured finer: by a tenth, with the walker."""
SITED = np.array([[2, 0, 0], [0, 2, 0.5], [0, 0, 1]])
"""A pixel of a colour plane -> its place in the plane of brightness, as players take it where a file does not say."""


@dataclass(frozen=True)
class Planes:
    """An upright picture in 4:2:0: brightness H x W, blue and red, and where a pixel of these lies in brightness."""

    brightness: Plane
    colours: tuple[Plane, Plane]
    sited: Matrix


@dataclass(frozen=True)
class PlaneReader:
    """The planes of one clip's decoded pictures, upright, in the clip's own size. They are not to be written to."""

    clip: Clip

    def brightness(self, picture: av.VideoFrame) -> Plane:
        """In full range, from what is stored where that is 8 bits, else the grey of RGB."""
        if picture.format.name in BRIGHT and not self.clip.colour.hdr and self._fits(picture):
            plane = self._upright(samples(picture.planes[0]))
            return plane if self.clip.colour.full_range else np.asarray(cv2.LUT(plane, FULL))
        grey: Plane = cv2.cvtColor(self._rgb(picture), cv2.COLOR_RGB2GRAY)
        return grey

    def planes(self, picture: av.VideoFrame) -> Planes:
        """As they are stored if what is written says the same of their colours, else by way of RGB."""
        if picture.format.name in HALVED and self.clip.colour.worked == self.clip.colour and self._fits(picture):
            first, *colours = (samples(plane) for plane in picture.planes)
            blue, red = (self._upright(plane) for plane in colours)
            return Planes(self._upright(first), (blue, red), _turned(SITED, self.clip.orientation, colours[0], first))
        first, blue, red = (samples(plane) for plane in self._worked.from_rgb(self._rgb(picture), FORMAT).planes)
        return Planes(first, (blue, red), SITED)

    def _fits(self, picture: av.VideoFrame) -> bool:
        """Whether it needs no other size; pixels that are not square do."""
        return (picture.width, picture.height) == self._stored

    def _upright(self, plane: Plane) -> Plane:
        return plane if self.clip.orientation == Orientation() else self.clip.orientation.apply(plane)

    def _rgb(self, picture: av.VideoFrame) -> RGB:
        return self.clip.orientation.apply(self._read.to_rgb(picture, self._stored))

    @cached_property
    def _stored(self) -> Size:
        return self.clip.orientation.size(self.clip.size)

    @cached_property
    def _read(self) -> ColourConverter:
        return ColourConverter(self.clip.colour)

    @cached_property
    def _worked(self) -> ColourConverter:
        return ColourConverter(self.clip.colour.worked)


def _turned(sited: Matrix, orientation: Orientation, colour: Plane, brightness: Plane) -> Matrix:
    """Where the pixels of a turned colour plane lie in the turned brightness."""
    return _turn(orientation, brightness) @ sited @ inverse(_turn(orientation, colour))


def _turn(orientation: Orientation, plane: Plane) -> Matrix:
    """Pixels of a plane -> those of the upright one, as `Orientation.apply` turns it."""
    height, width = plane.shape
    turn = np.eye(3)
    if orientation.mirrored:
        turn = np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]], float)
    for _ in range(orientation.quarter_turns % 4):
        turn = np.array([[0, 1, 0], [-1, 0, width - 1], [0, 0, 1]], float) @ turn
        width, height = height, width
    return turn
