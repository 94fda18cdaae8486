"""Pictures as arrays: what they are called, and how they are turned upright."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
"""H x W x 3, full range, display orientation."""


class Size(NamedTuple):
    """Of a picture, in square pixels."""

    width_px: int
    height_px: int

    def __str__(self) -> str:
        return f"{self.width_px}x{self.height_px}"


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pictures become upright ones: mirrored first, then turned by quarters counter-clockwise."""

    quarter_turns: int = 0
    mirrored: bool = False

    def size(self, size: Size) -> Size:
        """The size after turning; turning back gives the first again."""
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


# Stored x and y axes, as they point on the display (y down).
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
