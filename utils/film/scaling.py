"""Scaling a plane between pixels, bilinearly: rows and columns apart, with weights of 1/256 pixel.

`cv2.warpAffine` takes 2.2 times as long for the same picture, and places it to 1/32 pixel (benchmarks/finish.py).
"""

import numpy as np
from numpy.typing import NDArray

from utils.compiled import kernel
from utils.image.geometry import Matrix
from utils.media.planes import Plane

Indices = NDArray[np.int32]
WEIGHTS = 256


def scaled(source: Plane, matrix: Matrix, into: Plane) -> None:
    """Write a plane into another one by a matrix that scales and shifts, from its pixels to the other's."""
    height, width = into.shape
    across, right = _places(width, source.shape[1], matrix[0, 0], matrix[0, 2])
    down, below = _places(height, source.shape[0], matrix[1, 1], matrix[1, 2])
    _scaled(source, into, across, right, down, below, np.empty(source.shape[1] + 1, np.uint16))


def _places(length: int, source: int, scale: float, shift: float) -> tuple[Indices, Indices]:
    """For each pixel the one before its place in the source, and the weight of the one after that."""
    at = np.clip((np.arange(length) - shift) / scale, 0, source - 1)
    whole = np.floor(at).astype(np.int32)
    return whole, np.rint((at - whole) * WEIGHTS).astype(np.int32)


@kernel
def _scaled(
    source: Plane, into: Plane, across: Indices, right: Indices, down: Indices, below: Indices, line: NDArray[np.uint16]
) -> None:
    """Mix two rows into a line, then two neighbours of the line into each pixel."""
    height, width = into.shape
    last_row, length = source.shape[0] - 1, source.shape[1]
    for y in range(height):
        upper, lower = source[down[y]], source[min(down[y] + 1, last_row)]
        share, rest = np.uint16(below[y]), np.uint16(256 - below[y])
        for x in range(length):
            line[x] = np.uint16(upper[x]) * rest + np.uint16(lower[x]) * share
        line[length] = line[length - 1]
        row = into[y]
        for x in range(width):
            at, weight = across[x], right[x]
            row[x] = np.uint8((np.int32(line[at]) * (256 - weight) + np.int32(line[at + 1]) * weight + 32768) >> 16)
