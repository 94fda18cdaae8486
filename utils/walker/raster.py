"""Rasteriser: which triangle each sub-pixel sample sees, and at which depth."""

import math
from dataclasses import dataclass

import numpy as np

from utils.walker.kernel import Doubles, Floats, Ints, kernel

SAMPLES = 2
"""Samples per pixel along each axis."""


@dataclass(frozen=True)
class Seen:
    """Rasterised samples of a box of pixels.

    `triangle` and `nearness` (1 / depth, per metre) are 2h x 2w; -1 and 0 where no figure is. The box starts at
    pixel (`left`, `top`) of the picture.
    """

    left: int
    top: int
    triangle: Ints
    nearness: Floats

    def __post_init__(self) -> None:
        assert self.triangle.shape == self.nearness.shape and self.triangle.ndim == 2

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.triangle.shape[1] // SAMPLES, self.triangle.shape[0] // SAMPLES


def look(projected: Floats, triangles: Ints, size: tuple[int, int]) -> Seen:
    """Rasterise vertices given as n x 3 (x_px, y_px, nearness) into a picture of (width, height)."""
    width, height = size
    x, y = np.ascontiguousarray(projected[:, 0]), np.ascontiguousarray(projected[:, 1])
    left, top = (min(limit, max(0, math.floor(v.min()) - 2)) for v, limit in ((x, width), (y, height)))
    right, bottom = max(left, min(width, math.ceil(x.max()) + 3)), max(top, min(height, math.ceil(y.max()) + 3))
    shape = ((bottom - top) * SAMPLES, (right - left) * SAMPLES)
    triangle, nearness = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
    if shape[0] and shape[1]:
        _fill(projected, triangles, left, top, triangle, nearness)
    return Seen(left, top, triangle, nearness)


def project(points: Doubles | Floats, matrix: Doubles) -> Floats:
    """Project world points (n x 3) through a 3 x 4 camera: n x 3 of (x_px, y_px, 1 / depth)."""
    return _project(np.ascontiguousarray(points, np.float64), np.ascontiguousarray(matrix))


@kernel
def _project(points: Doubles, m: Doubles) -> Floats:
    out = np.empty((len(points), 3), np.float32)
    for index in range(len(points)):
        x, y, z = points[index, 0], points[index, 1], points[index, 2]
        near = 1.0 / (m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3])
        out[index, 0] = (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]) * near
        out[index, 1] = (m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]) * near
        out[index, 2] = near
    return out


@kernel
def spot(column: int, row: int) -> tuple[float, float]:
    """Position of a sample in the sample grid, which is rotated so that vertical edges are anti-aliased too."""
    return column + (0.75 if row % 2 else 0.25), row + (0.25 if column % 2 else 0.75)


@kernel
def _fill(points: Floats, triangles: Ints, left: int, top: int, seen: Ints, nearness: Floats) -> None:
    """Z-buffer over all triangles that face the camera."""
    rows, columns = seen.shape
    for index in range(len(triangles)):
        a, b, c = triangles[index]
        ax, ay = (points[a, 0] + 0.5 - left) * SAMPLES, (points[a, 1] + 0.5 - top) * SAMPLES
        bx, by = (points[b, 0] + 0.5 - left) * SAMPLES, (points[b, 1] + 0.5 - top) * SAMPLES
        cx, cy = (points[c, 0] + 0.5 - left) * SAMPLES, (points[c, 1] + 0.5 - top) * SAMPLES
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area <= 0:
            continue
        x0, x1 = max(0, int(np.ceil(min(ax, bx, cx) - 0.75))), min(columns - 1, int(np.floor(max(ax, bx, cx) - 0.25)))
        y0, y1 = max(0, int(np.ceil(min(ay, by, cy) - 0.75))), min(rows - 1, int(np.floor(max(ay, by, cy) - 0.25)))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                px, py = spot(x, y)
                u = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
                v = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
                w = 1.0 - u - v
                if u >= 0 and v >= 0 and w >= 0:
                    near = u * points[a, 2] + v * points[b, 2] + w * points[c, 2]
                    if near > nearness[y, x]:
                        nearness[y, x] = near
                        seen[y, x] = index
