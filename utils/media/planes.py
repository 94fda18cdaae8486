"""The YUV planes of decoded pictures: luma, and two chroma planes of half the size (4:2:0).

Stabilizing a clip needs no conversion to RGB when it is written in the same colours, and camera tracking needs luma
only.
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
from utils.media.colour import ColourConverter, ColourTags, samples

Plane = NDArray[np.uint8]
"""H x W."""

FORMAT = "yuv420p"
HALVED = (FORMAT, "yuvj420p")
"""Pixel formats with chroma planes of half the size, in 8 bits."""
BRIGHT = (*HALVED, "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray")
"""Pixel formats whose first plane is luma, in 8 bits."""
FULL = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
"""Limited to full range, as a lookup table. The larger range lets motion be measured a tenth finer (on the walker)."""
SITED = np.array([[2, 0, 0], [0, 2, 0.5], [0, 0, 1]])
"""Chroma siting: pixel of a chroma plane -> luma pixel, as players assume where a file does not say."""


@dataclass(frozen=True)
class Planes:
    """An upright picture in 4:2:0: luma (H x W), blue and red chroma, and the matrix chroma pixel -> luma pixel."""

    brightness: Plane
    colours: tuple[Plane, Plane]
    sited: Matrix


@dataclass(frozen=True)
class PlaneReader:
    """Reads the planes of a clip's decoded pictures, upright, in the clip's own size. They must not be written to."""

    clip: Clip
    written: ColourTags | None = None
    """The colours of the file that planes are read for; those that the clip itself is written in, if None."""

    def brightness(self, picture: av.VideoFrame) -> Plane:
        """Luma in full range: the stored plane where that has 8 bits, else computed from RGB."""
        if picture.format.name in BRIGHT and not self.clip.colour.hdr and self._fits(picture):
            plane = self._upright(samples(picture.planes[0]))
            return plane if self.clip.colour.full_range else np.asarray(cv2.LUT(plane, FULL))
        grey: Plane = cv2.cvtColor(self._rgb(picture), cv2.COLOR_RGB2GRAY)
        return grey

    def planes(self, picture: av.VideoFrame) -> Planes:
        """The planes as stored, if they mean the same in the written file, else converted by way of RGB."""
        if picture.format.name in HALVED and self.clip.colour.stores_as(self._colour) and self._fits(picture):
            first, *colours = (samples(plane) for plane in picture.planes)
            blue, red = (self._upright(plane) for plane in colours)
            return Planes(
                self._upright(first), (blue, red), _turned_siting(SITED, self.clip.orientation, colours[0], first)
            )
        first, blue, red = (samples(plane) for plane in self._write.from_rgb(self._rgb(picture), FORMAT).planes)
        return Planes(first, (blue, red), SITED)

    def _fits(self, picture: av.VideoFrame) -> bool:
        """Whether the picture has its final size already; pictures with non-square pixels have not."""
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

    @property
    def _colour(self) -> ColourTags:
        return self.written or self.clip.colour.worked

    @cached_property
    def _write(self) -> ColourConverter:
        return ColourConverter(self._colour)


def views(picture: av.VideoFrame, size: Size) -> list[Plane]:
    """Views of the planes of a picture for the encoder, without the padding that makes its sides even."""
    sizes = (size, *[Size(-(-size.width_px // 2), -(-size.height_px // 2))] * 2)
    planes = map(samples, picture.planes)
    return [plane[: each.height_px, : each.width_px] for plane, each in zip(planes, sizes, strict=True)]


def copied(planes: Planes, picture: av.VideoFrame) -> list[Plane]:
    """Views of a picture's planes without padding, with a copy of these in them."""
    into = views(picture, Size.of(planes.brightness))
    for plane, view in zip((planes.brightness, *planes.colours), into, strict=True):
        view[:] = plane
    return into


def pad(picture: av.VideoFrame, planes: list[Plane]) -> None:
    """Repeat the last row and column where a side is odd, which 4:2:0 cannot be."""
    for plane, into in zip(planes, map(samples, picture.planes), strict=True):
        height, width = plane.shape
        into[height:, :width] = plane[-1:]
        into[:, width:] = into[:, width - 1 : width]


def _turned_siting(sited: Matrix, orientation: Orientation, colour: Plane, brightness: Plane) -> Matrix:
    """Chroma siting after turning the picture: pixel of the turned chroma plane -> turned luma pixel."""
    return _turn_matrix(orientation, brightness) @ sited @ inverse(_turn_matrix(orientation, colour))


def _turn_matrix(orientation: Orientation, plane: Plane) -> Matrix:
    """Matrix from a plane's pixels to the upright plane's, matching `Orientation.apply`."""
    height, width = plane.shape
    matrix = np.eye(3)
    if orientation.mirrored:
        matrix = np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]], float)
    for _ in range(orientation.quarter_turns % 4):
        matrix = np.array([[0, 1, 0], [-1, 0, width - 1], [0, 0, 1]], float) @ matrix
        width, height = height, width
    return matrix
