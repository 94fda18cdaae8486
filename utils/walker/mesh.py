"""Meshing of solids into triangles by surface nets: one vertex per grid cell that the surface crosses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from utils.walker.kernel import Floats, Ints
from utils.walker.solids import vector

Solid = Callable[[Floats], Floats]

_CORNERS = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)])
_EDGES = [(a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1]


@dataclass(frozen=True)
class Mesh:
    """Vertices n x 3 in metres, their unit normals n x 3, and triangles m x 3 of vertex indices."""

    points: Floats
    normals: Floats
    triangles: Ints

    def __post_init__(self) -> None:
        assert self.points.shape == self.normals.shape and self.points.shape[1] == 3
        assert self.triangles.shape[1] == 3 and int(self.triangles.max(initial=-1)) < len(self.points)


def mesh_of(solid: Solid, low: Sequence[float], high: Sequence[float], step_m: float) -> Mesh:
    """Mesh a solid, sampled on a grid between two corners."""
    edges = list(zip(low, high, strict=True))
    axes = [start + step_m * np.arange(np.ceil((stop - start) / step_m) + 1, dtype=np.float32) for start, stop in edges]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).astype(np.float32)
    distance = solid(grid.reshape(-1, 3)).reshape(grid.shape[:3])
    points, cells = _vertices(distance)
    quads = _quads(distance, cells)
    points = np.asarray(points * step_m + vector(low), np.float32)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    return Mesh(points, _normals(points, triangles), triangles)


def _vertices(distance: Floats) -> tuple[Floats, Ints]:
    """Vertices (mean edge crossing of each crossed cell, in grid units), and each cell's vertex index (-1: none)."""
    inside = distance < 0
    shape = tuple(n - 1 for n in distance.shape)
    corner = [tuple(slice(c, c + n) for c, n in zip(offset, shape, strict=True)) for offset in _CORNERS]
    count = sum(inside[view].astype(np.int8) for view in corner)
    active = (np.asarray(count) > 0) & (np.asarray(count) < 8)
    value = np.stack([distance[view][active] for view in corner])
    total, crossings = np.zeros((value.shape[1], 3), np.float32), np.zeros(value.shape[1], np.float32)
    for a, b in _EDGES:
        crossed = (value[a] < 0) != (value[b] < 0)
        share = np.where(crossed, value[a] / np.where(crossed, value[a] - value[b], 1), 0)
        total += crossed[:, None] * (_CORNERS[a] + share[:, None] * (_CORNERS[b] - _CORNERS[a]))
        crossings += crossed
    cells = np.full(shape, -1, np.int32)
    cells[active] = np.arange(value.shape[1], dtype=np.int32)
    return np.asarray(np.argwhere(active) + total / crossings[:, None], np.float32), cells


def _quads(distance: Floats, cells: Ints) -> Ints:
    """One quad around each grid edge whose ends differ, wound so that it faces outwards."""
    found = []
    inside = distance < 0
    for axis in range(3):
        here = np.moveaxis(inside, axis, 0)
        around = np.moveaxis(cells, axis, 0)
        first, second = here[:-1, 1:-1, 1:-1], here[1:, 1:-1, 1:-1]
        corners = [around[:, :-1, :-1], around[:, 1:, :-1], around[:, 1:, 1:], around[:, :-1, 1:]]
        for crossed, forward in ((first & ~second, True), (~first & second, False)):
            ring = np.stack([corner[crossed] for corner in corners], -1)
            found.append(ring if forward == (axis != 1) else ring[:, ::-1])
    return np.concatenate(found)


def _normals(points: Floats, triangles: Ints) -> Floats:
    """Area-weighted vertex normals."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    total = np.zeros((len(points), 3))
    for axis in range(3):
        for k in range(3):
            total[:, axis] += np.bincount(triangles[:, k], face[:, axis], len(points))
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12), np.float32)
