"""Ambient occlusion and self-shadowing: light of sky, ground and sun at each vertex, from depth maps of the figure."""

import math

import numpy as np

from utils.walker.kernel import Doubles, Floats, Ints, kernel
from utils.walker.light import SUN

CELL_M = 0.016


def _sphere(count: int) -> Doubles:
    """Evenly spread directions (golden spiral)."""
    k = np.arange(count) + 0.5
    y = 1 - 2 * k / count
    turn = k * math.pi * (3 - math.sqrt(5))
    r = np.sqrt(1 - y * y)
    return np.stack([r * np.cos(turn), y, r * np.sin(turn)], 1)


_AROUND = _sphere(14)


def light_on(points: Floats, normals: Floats, triangles: Ints) -> Floats:
    """Light from sun, sky and ground (n x 3, 0..1) that reaches each vertex and is not occluded by other parts."""
    out = np.empty((len(points), 3), np.float32)
    out[:, 0] = _open_towards(points, SUN, 0.022, CELL_M * 0.75, 1)
    high, low = np.full(len(points), 1e-3, np.float32), np.full(len(points), 1e-3, np.float32)
    top, bottom = high.copy(), low.copy()
    for direction in _AROUND:
        seen = _open_towards(points, direction, 0.03, CELL_M, 0)
        _gather(normals, direction, seen, *((high, top) if direction[1] > 0 else (low, bottom)))
    out[:, 1], out[:, 2] = high / top, low / bottom
    return _spread(_spread(_spread(out, triangles), triangles), triangles)


@kernel
def _spread(light: Floats, triangles: Ints) -> Floats:
    """Smooth values over neighbouring vertices: shadows get soft edges, and a lone vertex does not flicker."""
    total, count = light.copy(), np.ones(len(light), np.float32)
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        for k in range(3):
            mean = (light[a, k] + light[b, k] + light[c, k]) / 3
            total[a, k] += mean
            total[b, k] += mean
            total[c, k] += mean
        count[a] += 1
        count[b] += 1
        count[c] += 1
    for index in range(len(light)):
        for k in range(3):
            total[index, k] /= count[index]
    return total


@kernel
def _gather(normals: Floats, direction: Doubles, seen: Floats, light: Floats, possible: Floats) -> None:
    """Add the light of one direction, weighted by its angle of incidence."""
    for index in range(len(normals)):
        n = normals[index]
        square = n[0] * direction[0] + n[1] * direction[1] + n[2] * direction[2]
        share = max(0.0, square + 0.25)
        light[index] += share * seen[index]
        possible[index] += share


def _open_towards(points: Floats, direction: Doubles, slack_m: float, cell_m: float, wide: int) -> Floats:
    """Visibility of a distant light from each vertex: 1 where nothing is in between, fading to 0 where something is."""
    side = np.cross([0.0, 1.0, 0.0], direction)
    side /= np.linalg.norm(side)
    basis = np.stack([side, np.cross(direction, side), direction]) / np.array([[cell_m], [cell_m], [1.0]])
    seen, columns, rows = _turned(points, basis)
    nearest = np.full((rows, columns), -1e9, np.float32)
    _splat(seen, nearest)
    return _compare(seen, nearest, slack_m, wide)


@kernel
def _turned(points: Floats, basis: Doubles) -> tuple[Floats, int, int]:
    """Points in the light's coordinates: grid cells across and up (starting at 0), and metres towards the light."""
    out = np.empty_like(points)
    low_x, low_y, high_x, high_y = 1e9, 1e9, -1e9, -1e9
    for index in range(len(points)):
        x, y, z = points[index]
        u = basis[0, 0] * x + basis[0, 1] * y + basis[0, 2] * z
        v = basis[1, 0] * x + basis[1, 1] * y + basis[1, 2] * z
        out[index, 0], out[index, 1] = u, v
        out[index, 2] = basis[2, 0] * x + basis[2, 1] * y + basis[2, 2] * z
        low_x, low_y, high_x, high_y = min(low_x, u), min(low_y, v), max(high_x, u), max(high_y, v)
    left, top = 2 - np.floor(low_x), 2 - np.floor(low_y)
    for index in range(len(points)):
        out[index, 0] += left
        out[index, 1] += top
    return out, int(high_x + left) + 4, int(high_y + top) + 4


@kernel
def _splat(seen: Floats, nearest: Floats) -> None:
    for index in range(len(seen)):
        x, y, depth = int(seen[index, 0] - 0.5), int(seen[index, 1] - 0.5), seen[index, 2]
        for row in range(y, y + 2):
            for column in range(x, x + 2):
                nearest[row, column] = max(nearest[row, column], depth)


@kernel
def _compare(seen: Floats, nearest: Floats, slack_m: float, wide: int) -> Floats:
    """Percentage-closer filter: visibility averaged over the cells around a vertex, so that light does not flicker.

    `wide` cells each way are averaged whole, the outermost by where the vertex lies between them.
    """
    out = np.empty(len(seen), np.float32)
    rows, columns = nearest.shape
    for index in range(len(seen)):
        x, y, depth = seen[index, 0] - 0.5, seen[index, 1] - 0.5, seen[index, 2]
        i, j = int(x), int(y)
        u, v = x - i, y - j
        total = 0.0
        for row in range(-wide, wide + 2):
            down = (1 - v) if row == -wide else (v if row == wide + 1 else 1.0)
            for column in range(-wide, wide + 2):
                across = (1 - u) if column == -wide else (u if column == wide + 1 else 1.0)
                at_row, at_column = min(max(j + row, 0), rows - 1), min(max(i + column, 0), columns - 1)
                behind = nearest[at_row, at_column] - depth
                total += min(1.0, max(0.0, 2.0 - behind / slack_m)) * down * across
        out[index] = total / (2 * wide + 1) ** 2
    return out
