"""Warps one plane of a picture by a homography close to identity, with vectorised bilinear interpolation.

OpenCV fetches the four neighbours of each pixel separately. Here runs of pixels whose sources lie side by side are
blended together: a third of the time for camera shake, slower only for large rotations. Coordinates are fixed-point.
"""

from math import floor

import numpy as np
from numpy.typing import NDArray

from utils.compiled import kernel
from utils.image.geometry import Matrix, inverse

Plane = NDArray[np.uint8]
"""H x W."""
Place = tuple[int, int]
"""(x, y) in whole pixels, or in fixed point, where ONE is a pixel."""

STRETCH = 48
"""Pixels over which the homography is taken as linear: at most a hundredth of a pixel off with a strong tilt."""
BLOCK = 16
"""Pixels blended by one sequence of SIMD instructions."""
BITS = 16
ONE = 1 << BITS
FRACTION_MASK = ONE - 1


def warp(plane: Plane, matrix: Matrix, out: Plane, outside: int) -> None:
    """Fill `out` with the plane warped by `matrix` (bilinear); `outside` is the level around the plane."""
    _warp(plane, np.ascontiguousarray(inverse(matrix)), out, outside)


@kernel
def _warp(plane: Plane, back: Matrix, out: Plane, outside: int) -> None:
    """Warp row by row in stretches over which the mapping is linear."""
    height, width = out.shape
    for row in range(height):
        x, y = _transform(back, 0, row)
        for first in range(0, width, STRETCH):
            count = min(STRETCH, width - first)
            next_x, next_y = _transform(back, first + count, row)
            step = floor((next_x - x) * ONE / count + 0.5), floor((next_y - y) * ONE / count + 0.5)
            _stretch(plane, out, (first, row), count, (floor(x * ONE + 0.5), floor(y * ONE + 0.5)), step, outside)
            x, y = next_x, next_y


@kernel
def _transform(matrix: Matrix, x: int, y: int) -> tuple[float, float]:
    """One point through a homography."""
    scale = 1 / (matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2])
    return (
        (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) * scale,
        (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) * scale,
    )


@kernel
def _stretch(plane: Plane, out: Plane, at: Place, count: int, start: Place, step: Place, outside: int) -> None:
    """Fill `count` pixels from `at` on, in runs whose source pixels lie side by side."""
    height, width = plane.shape
    done = 0
    while done < count:
        x, y = start[0] + step[0] * done, start[1] + step[1] * done
        run = min(count - done, _steps_to_next_pixel(x, step[0] - ONE), _steps_to_next_pixel(y, step[1]))
        column, row = x >> BITS, y >> BITS
        begin, end = 0, 0
        if 0 <= row < height - 1:
            begin = min(max(0, -column), run)
            end = max(begin, min(run, width - 1 - column))
        for index in range(begin):
            out[at[1], at[0] + done + index] = _border_pixel(plane, x + step[0] * index, y + step[1] * index, outside)
        if end > begin:
            rest = (x + (step[0] - ONE) * begin) & FRACTION_MASK, (y + step[1] * begin) & FRACTION_MASK
            _run(plane, (column + begin, row), out, (at[0] + done + begin, at[1]), end - begin, rest, step)
        for index in range(end, run):
            out[at[1], at[0] + done + index] = _border_pixel(plane, x + step[0] * index, y + step[1] * index, outside)
        done += run


@kernel
def _steps_to_next_pixel(place: int, step: int) -> int:
    """Number of steps until a fixed-point coordinate reaches another pixel."""
    if step > 0:
        return (FRACTION_MASK - (place & FRACTION_MASK)) // step + 1
    return (place & FRACTION_MASK) // -step + 1 if step < 0 else ONE


@kernel
def _run(plane: Plane, corner: Place, out: Plane, at: Place, count: int, rest: Place, step: Place) -> None:
    """Blend a run in blocks of BLOCK pixels; the last block overlaps the one before instead of being shorter."""
    for done in range(0, count, BLOCK):
        if count < BLOCK:
            for index in range(count):
                _blend(plane, corner, out, at, index, rest, step)
        else:
            start = min(done, count - BLOCK)
            for index in range(BLOCK):
                _blend(plane, corner, out, at, start + index, rest, step)


@kernel
def _blend(plane: Plane, corner: Place, out: Plane, at: Place, index: int, rest: Place, step: Place) -> None:
    """Bilinear interpolation of one pixel of a run, with 8-bit weights.

    32-bit arithmetic and unsigned indices (no negative-index wrapping) are what lets the compiler vectorise the block.
    """
    number, eight, byte = np.int32(index), np.int32(8), np.int32(255)
    right = ((np.int32(rest[0]) + np.int32(step[0]) * number) >> eight) & byte
    down = ((np.int32(rest[1]) + np.int32(step[1]) * number) >> eight) & byte
    row, below = np.uintp(corner[1]), np.uintp(corner[1]) + np.uintp(1)
    left = np.uintp(corner[0]) + np.uintp(index)
    upper_left, upper_right = np.int32(plane[row, left]), np.int32(plane[row, left + np.uintp(1)])
    lower_left, lower_right = np.int32(plane[below, left]), np.int32(plane[below, left + np.uintp(1)])
    upper = (upper_left << eight) + (upper_right - upper_left) * right
    lower = (lower_left << eight) + (lower_right - lower_left) * right
    level = ((upper << eight) + (lower - upper) * down + np.int32(ONE // 2)) >> np.int32(BITS)
    out[np.uintp(at[1]), np.uintp(at[0]) + np.uintp(index)] = np.uint8(level)


@kernel
def _border_pixel(plane: Plane, x: int, y: int, outside: int) -> int:
    """Bilinear interpolation of one pixel at the border or outside of the plane."""
    height, width = plane.shape
    column, row = x >> BITS, y >> BITS
    if column < -1 or row < -1 or column >= width or row >= height:
        return outside
    right, down = (x >> 8) & 255, (y >> 8) & 255
    west, east, north, south = column >= 0, column + 1 < width, row >= 0, row + 1 < height
    upper_left = np.int64(plane[row, column]) if north and west else outside
    upper_right = np.int64(plane[row, column + 1]) if north and east else outside
    lower_left = np.int64(plane[row + 1, column]) if south and west else outside
    lower_right = np.int64(plane[row + 1, column + 1]) if south and east else outside
    upper = upper_left * (256 - right) + upper_right * right
    lower = lower_left * (256 - right) + lower_right * right
    return int((upper * (256 - down) + lower * down + ONE // 2) >> BITS)
