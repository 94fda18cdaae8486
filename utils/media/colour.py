"""Colour tags (matrix, primaries, transfer, range) and conversion between YUV and RGB.

A picture that is read and written again keeps its tags. The matrix assumed for untagged footage is used in both
directions, so that such footage is written as it was.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from utils.image import RGB, Size

UNSPECIFIED = 2
RGB_MATRIX = 0
EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
HD_LONG_SIDE_PX = 1280

_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}


@dataclass(frozen=True, slots=True)
class ColourTags:
    """A file's colour tags as numbers of ITU-T H.273, and the matrix that is assumed where there is none."""

    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    full_range: bool = False
    assumed_matrix: int = 1

    @classmethod
    def standard(cls, size: Size) -> "ColourTags":
        """BT.709 for high definition, BT.601 below, limited range."""
        matrix = usual_matrix(size)
        return cls(matrix, matrix, matrix, assumed_matrix=matrix)

    @property
    def hdr(self) -> str | None:
        """PQ or HLG for a high dynamic range transfer, else None."""
        return {16: "PQ", 18: "HLG"}.get(self.transfer)

    @property
    def worked(self) -> "ColourTags":
        """Tags of written pictures: BT.709 instead of HDR, the assumed matrix instead of one no encoder takes."""
        if self.hdr:
            return ColourTags(1, 1, 1)
        if self.matrix in _MATRICES or self.matrix == UNSPECIFIED:
            return self
        return ColourTags(self.assumed_matrix, self.primaries, self.transfer, assumed_matrix=self.assumed_matrix)

    def stores_as(self, other: "ColourTags") -> bool:
        """Whether the same numbers in a file mean the same RGB."""
        read = [_MATRICES.get(each.matrix, _MATRICES[each.assumed_matrix]) for each in (self, other)]
        return read[0] == read[1] and self.full_range == other.full_range and not (self.hdr or other.hdr)

    @property
    def guessed(self) -> bool:
        """Whether the file names a matrix that is not supported, so that the assumed one is used."""
        return self.matrix not in (*_MATRICES, UNSPECIFIED, RGB_MATRIX)


def usual_matrix(size: Size) -> int:
    """The matrix that players assume for untagged footage of a size."""
    return 1 if max(size) >= HD_LONG_SIDE_PX else 6


@dataclass(frozen=True)
class ColourConverter:
    """Converts pictures of one clip to RGB and back, with one reused scaler for each direction."""

    tags: ColourTags

    @cached_property
    def _reader(self) -> VideoReformatter:
        return VideoReformatter()

    @cached_property
    def _writer(self) -> VideoReformatter:
        return VideoReformatter()

    @property
    def _matrix(self) -> Colorspace:
        return _MATRICES.get(self.tags.matrix, _MATRICES[self.tags.assumed_matrix])

    @property
    def _range(self) -> ColorRange:
        return ColorRange.JPEG if self.tags.full_range else ColorRange.MPEG

    def to_rgb(self, frame: av.VideoFrame, size: Size) -> RGB:
        """Full-range RGB, scaled to `size`. Shrinking averages areas, so that nothing shimmers."""
        hdr, shrinks = self.tags.hdr, size.width_px < frame.width or size.height_px < frame.height
        picture = self._reader.reformat(
            frame,
            size.width_px,
            size.height_px,
            "gbrp16le" if hdr else "gbrp",
            src_colorspace=self._matrix,
            src_color_range=self._range,
            dst_color_range=ColorRange.JPEG,
            interpolation=(Interpolation.AREA if shrinks else Interpolation.BILINEAR) | EXACT,
            threads=1,
        )
        green, blue, red = (samples(plane, np.uint16 if hdr else np.uint8) for plane in picture.planes)
        rgb = np.asarray(cv2.merge([red, green, blue]))
        if hdr:
            from utils.media.hdr import to_standard

            return to_standard(rgb, hdr)
        return rgb

    def from_rgb(self, rgb: RGB, pixel_format: str) -> av.VideoFrame:
        """A picture for the encoder in the clip's own matrix and range, with its tags."""
        source = av.VideoFrame(*Size.of(rgb), "gbrp")
        green, blue, red = (samples(plane, np.uint8) for plane in source.planes)
        cv2.mixChannels([np.ascontiguousarray(rgb)], [red, green, blue], [0, 0, 1, 1, 2, 2])
        picture = self._writer.reformat(
            source,
            format=pixel_format,
            dst_colorspace=self._matrix,
            src_color_range=ColorRange.JPEG,
            dst_color_range=self._range,
            interpolation=Interpolation.BILINEAR | EXACT,
            threads=1,
        )
        picture.colorspace = self.tags.matrix
        picture.color_range = 2 if self.tags.full_range else 1
        return picture


def samples(plane: VideoPlane, depth: type[np.uint8] | type[np.uint16] = np.uint8) -> NDArray[Any]:
    """View of a plane's memory, H x W. Converting planes is twice as fast as packed pixels, with the same values."""
    rows: NDArray[Any] = np.frombuffer(plane, depth).reshape(plane.height, -1)  # type: ignore[call-overload]
    return rows[:, : plane.width]
