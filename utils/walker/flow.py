"""Ground-truth optical flow between two frames, from the geometry of cameras and figures."""

import numpy as np

from utils.walker.actor import Stance
from utils.walker.kernel import Doubles, Floats, Ints, kernel
from utils.walker.raster import SAMPLES, spot
from utils.walker.shade import shares_at
from utils.walker.truth import Flags, TrueFlow

_SAME = 0.006
"""Relative difference of depth within which a surface counts as the same."""


def flow_between(
    source: int, target: int, views: tuple[Doubles, Doubles], stances: list[tuple[Stance, Stance]],
    size: tuple[int, int],
) -> TrueFlow:  # fmt: skip
    """Flow from one frame to another, given both cameras (source -> stable) and every actor in both."""
    width, height = size
    vectors, nearness = np.empty((height, width, 2), np.float32), np.zeros((height, width), np.float32)
    _still(vectors, np.linalg.inv(views[1]) @ views[0])
    expected = np.zeros((height, width), np.float32)
    for here, there in stances:
        _moving(vectors, nearness, expected, here.seen.left, here.seen.top, here.seen.triangle, here.seen.nearness,
                here.actor.figure.mesh.triangles, here.projected, there.projected)  # fmt: skip
    front = np.zeros((height, width), np.float32)
    for _, there in stances:
        _nearest(front, there.seen.left, there.seen.top, there.seen.nearness)
    return TrueFlow(source, target, vectors, _seen_there(vectors, expected, front))


@kernel
def _still(vectors: Floats, matrix: Doubles) -> None:
    """Fill in the flow of the background, which is a homography."""
    for y in range(vectors.shape[0]):
        for x in range(vectors.shape[1]):
            w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
            vectors[y, x, 0] = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / w - x
            vectors[y, x, 1] = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / w - y


@kernel
def _moving(
    vectors: Floats, nearness: Floats, expected: Floats, left: int, top: int, seen: Ints, near: Floats,
    triangles: Ints, here: Floats, there: Floats,
) -> None:  # fmt: skip
    """Fill in the flow of a figure: pixels at least half covered move with the surface of their nearest sample."""
    for row in range(seen.shape[0] // SAMPLES):
        for column in range(seen.shape[1] // SAMPLES):
            found, index, depth, x, y = 0, -1, 0.0, 0.0, 0.0
            for j in range(row * SAMPLES, (row + 1) * SAMPLES):
                for i in range(column * SAMPLES, (column + 1) * SAMPLES):
                    if seen[j, i] >= 0:
                        found += 1
                        if near[j, i] > depth:
                            index, depth = seen[j, i], near[j, i]
                            across, down = spot(i, j)
                            x, y = left + across / SAMPLES - 0.5, top + down / SAMPLES - 0.5
            if found * 2 < SAMPLES * SAMPLES or depth <= nearness[top + row, left + column]:
                continue
            t = triangles[index]
            u, v, w = shares_at(here, t, x, y)
            p, q, r = u / there[t[0], 2], v / there[t[1], 2], w / there[t[2], 2]
            total = p + q + r
            moved = vectors[top + row, left + column]
            moved[0] = (p * there[t[0], 0] + q * there[t[1], 0] + r * there[t[2], 0]) / total - x
            moved[1] = (p * there[t[0], 1] + q * there[t[1], 1] + r * there[t[2], 1]) / total - y
            nearness[top + row, left + column], expected[top + row, left + column] = depth, 1.0 / total


@kernel
def _nearest(front: Floats, left: int, top: int, near: Floats) -> None:
    """Add a figure's nearest depth to the pixels of the target frame that it covers at least half."""
    for row in range(near.shape[0] // SAMPLES):
        for column in range(near.shape[1] // SAMPLES):
            found, nearest = 0, 0.0
            for j in range(row * SAMPLES, (row + 1) * SAMPLES):
                for i in range(column * SAMPLES, (column + 1) * SAMPLES):
                    found += near[j, i] > 0
                    nearest = max(nearest, near[j, i])
            if found * 2 >= SAMPLES * SAMPLES:
                front[top + row, left + column] = max(front[top + row, left + column], nearest)


@kernel
def _seen_there(vectors: Floats, expected: Floats, front: Floats) -> Flags:
    """Marks pixels whose flow ends inside the target frame, with nothing in front of their surface there."""
    height, width = front.shape
    valid = np.zeros((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            i, j = int(np.rint(x + vectors[y, x, 0])), int(np.rint(y + vectors[y, x, 1]))
            if 0 <= i < width and 0 <= j < height:
                near, own = front[j, i], expected[y, x]
                valid[y, x] = near <= own * (1 + _SAME) and (own == 0 or near > own * 0.9)
    return valid
