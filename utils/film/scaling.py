"""Scaling a plane between pixels, bilinearly: rows and columns apart, with weights of 1/256 pixel.

A zoom is slight, so that most pixels of a row come from neighbours in the source: such runs are computed many at once.
`cv2.warpAffine` takes several times as long for the same picture, and places it to 1/32 pixel (benchmarks/finish.py).
"""

import numpy as np
from numpy.typing import NDArray

from utils.compiled import kernel
from utils.image.geometry import Matrix
from utils.media.planes import Plane

Indices = NDArray[np.int32]
Weights = NDArray[np.uint16]
WEIGHTS = 256


def scaled(source: Plane, matrix: Matrix, into: Plane) -> None:
    """Write a plane into another one by a matrix that scales and shifts, from its pixels to the other's."""
    height, width = into.shape
    across, right = _places(width, source.shape[1], matrix[0, 0], matrix[0, 2])
    down, below = _places(height, source.shape[0], matrix[1, 1], matrix[1, 2])
    starts = _runs(across, source.shape[1])
    _scaled(source, into, starts, across[starts[:-1]], right, down, below, np.empty((2, width), np.uint16))


def _places(length: int, source: int, scale: float, shift: float) -> tuple[Indices, Weights]:
    """For each pixel the one before its place in the source, and the weight of the one after that."""
    at = np.clip((np.arange(length) - shift) / scale, 0, source - 1)
    whole = np.floor(at).astype(np.int32)
    return whole, np.rint((at - whole) * WEIGHTS).astype(np.uint16)


def _runs(places: Indices, source: int) -> Indices:
    """Where runs begin whose places follow each other, and the end of all; the source's last pixel is none's second."""
    breaks = (np.diff(places) != 1) | (places[1:] == source - 1)
    return np.concatenate([[0], np.flatnonzero(breaks) + 1, [len(places)]]).astype(np.int32)


@kernel
def _scaled(
    source: Plane,
    into: Plane,
    starts: Indices,
    firsts: Indices,
    right: Weights,
    down: Indices,
    below: Weights,
    lines: NDArray[np.uint16],
) -> None:
    """Mix neighbours of two rows of the source into lines, each row once, then the two lines into each row."""
    height, width = into.shape
    last_row, upper, lower = source.shape[0] - 1, 0, 1
    rows = np.full(2, -1)  # which row of the source each line holds
    for y in range(height):
        if rows[lower] == down[y]:
            upper, lower = lower, upper
        for after, line in enumerate((upper, lower)):
            row = min(down[y] + after, last_row)
            if rows[line] != row:
                _mixed(source[row], lines[line], starts, firsts, right)
                rows[line] = row
        share, rest = np.uint32(below[y]), np.uint32(WEIGHTS - below[y])
        above, under, shown = lines[upper], lines[lower], into[y]
        for x in range(width):
            shown[x] = np.uint8((np.uint32(above[x]) * rest + np.uint32(under[x]) * share + np.uint32(32768)) >> 16)


@kernel
def _mixed(row: NDArray[np.uint8], line: NDArray[np.uint16], starts: Indices, firsts: Indices, right: Weights) -> None:
    """Mix two neighbours of a row into each pixel of a line, run by run."""
    for run in range(len(firsts)):
        start, stop, first = starts[run], starts[run + 1], firsts[run]
        after = min(first + 1, len(row) - (stop - start))  # the last pixel has no neighbour, and its weight is 0
        ones, twos, weights, mixed = row[first:], row[after:], right[start:stop], line[start:stop]
        for x in range(stop - start):
            weight = weights[x]
            mixed[x] = np.uint16(ones[x]) * (np.uint16(WEIGHTS) - weight) + np.uint16(twos[x]) * weight
