"""Basic types for pictures as arrays: Size, Box and Orientation; and the box around what a mask shows."""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.size import Size

RGB = NDArray[np.uint8]
"""H x W x 3, full range, display orientation."""
Values = TypeVar("Values", bound=NDArray[Any])
"""H x W, or H x W x channels."""


class Box(NamedTuple):
    """A rectangle in a picture, in whole pixels; `right` and `bottom` are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, picture: NDArray[Any]) -> "Box":
        """The box of a whole picture, H x W or H x W x channels."""
        return cls(0, 0, *Size.of(picture))

    @property
    def size(self) -> Size:
        return Size(self.right - self.left, self.bottom - self.top)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices that crop an array to the box."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, px: int, within: Size) -> "Box":
        """The box enlarged by `px` on every side, clipped to a picture of size `within`."""
        return Box(
            max(0, self.left - px),
            max(0, self.top - px),
            min(within.width_px, self.right + px),
            min(within.height_px, self.bottom + px),
        )

    def within(self, other: "Box") -> "Box":
        """The box in coordinates relative to the first pixel of another one."""
        return Box(self.left - other.left, self.top - other.top, self.right - other.left, self.bottom - other.top)

    def __or__(self, other: "Box") -> "Box":
        """Union: the smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def __and__(self, other: "Box") -> "Box":
        """Intersection; empty when the boxes do not overlap."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return Box(left, top, max(left, min(self.right, other.right)), max(top, min(self.bottom, other.bottom)))


def bounding_box(mask: NDArray[np.uint8], least: int = 1) -> Box | None:
    """The smallest box around the pixels of a mask that are at least `least`; None when there are none."""
    shown = mask if least == 1 else (mask >= least).view(np.uint8)
    left, top, width, height = cv2.boundingRect(shown)
    return Box(left, top, left + width, top + height) if width else None


def placed(picture: Values, box: Box, target: Box) -> Values:
    """A picture of `box` cropped or padded with 0 to the box `target`."""
    if box == target:
        return picture
    result: Values = np.zeros((target.size.height_px, target.size.width_px, *picture.shape[2:]), picture.dtype)  # type: ignore[assignment]
    both = box & target
    result[both.within(target).slices] = picture[both.within(box).slices]
    return result


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pictures are turned upright: mirrored first, then rotated counter-clockwise by quarter turns."""

    quarter_turns: int = 0
    mirrored: bool = False

    def size(self, size: Size) -> Size:
        """The size after turning."""
        return Size(size.height_px, size.width_px) if self.quarter_turns % 2 else size

    def apply(self, picture: RGB) -> RGB:
        """The upright picture, contiguous."""
        if self.mirrored:
            picture = picture[:, ::-1]
        return np.ascontiguousarray(np.rot90(picture, self.quarter_turns))

    @classmethod
    def from_matrix(cls, matrix: NDArray[np.int32]) -> "Orientation | None":
        """From a container's nine-number display matrix; None when it is not made of quarter turns and mirrors."""
        a, b, _, c, d = np.sign(np.where(np.abs(matrix[:5]) < 2**12, 0, matrix[:5])).tolist()
        return _BY_AXES.get((a, b, c, d))


# Directions of the stored x and y axes on the display (y down).
_BY_AXES = {
    (1, 0, 0, 1): Orientation(0),
    (0, -1, 1, 0): Orientation(1),
    (-1, 0, 0, -1): Orientation(2),
    (0, 1, -1, 0): Orientation(3),
    (-1, 0, 0, 1): Orientation(0, mirrored=True),
    (0, 1, 1, 0): Orientation(1, mirrored=True),
    (1, 0, 0, -1): Orientation(2, mirrored=True),
    (0, -1, -1, 0): Orientation(3, mirrored=True),
}


def at_size(picture: Values, size: Size) -> Values:
    """A picture at another size: averaged where it becomes smaller, cubic where it becomes larger."""
    if Size.of(picture) == size:
        return picture
    smaller = size.area_px < Size.of(picture).area_px
    result: Values = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    return result
