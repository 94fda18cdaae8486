"""Where the frames of a shot lie in one wide picture of the place, how large that picture may be, and who is looked at.

The picture lies on the frame of the shot that leaves the others least stretched, so that a pan grows to both sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.camera.path import CameraPath
from utils.image import Box, Size
from utils.image.geometry import Matrix, corners, inverse, normal, resize, shift

STRETCH = 6.0
"""A frame that would lie larger or smaller than this many times its area is left out: it looks too far away."""
REFERENCES = 9
LARGEST_PX = 48_000_000
SAMPLES_BYTES = 800_000_000
"""What the pictures that are compared may fill together: 4 bytes a pixel each."""
FEWEST, USUAL, MOST = 24, 48, 256
PER_AREA = 12
"""Pictures wanted for each frame's worth of the mosaic."""
CANDIDATES = 160
GRID_PX = 16
SHADE_HEIGHTS = 0.4
"""So near to the person, in their heights, a shadow is likely."""
OFTEN = 8
"""A place seen this often needs no further pictures."""


@dataclass(frozen=True)
class Mosaic:
    """The wide picture: frame -> it for each frame of the shot that lies in it, and background picture -> it."""

    size: Size
    to_plate: Matrix
    matrices: dict[int, Matrix]
    scale: float
    samples: int

    def box(self, index: int, frame: Size) -> Box:
        """What a frame covers of the picture, whole pixels."""
        reached = _through(self.matrices[index], corners(frame))[0]
        left, top = np.floor(reached.min(axis=0)).astype(int)
        right, bottom = np.ceil(reached.max(axis=0)).astype(int) + 1
        return Box(int(left), int(top), int(right), int(bottom)) & Box(0, 0, *self.size)

    def reached(self, frame: Size) -> NDArray[np.bool_]:
        """H x W: what some of the frames cover, people or not."""
        covered = np.zeros((self.size.height_px, self.size.width_px), np.uint8)
        for index in candidates(self):
            outline = _through(self.matrices[index], corners(frame))[0]
            cv2.fillConvexPoly(covered, np.rint(outline).astype(np.int32), 1)
        return covered > 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever looks at the result should know, as sentences."""
        if self.scale > 0.999:
            return ()
        return (f"The camera saw so much that the background plate is kept at {self.scale:.0%} of the clip's size.",)


def lay_out(camera: CameraPath, shot: range) -> Mosaic:
    """The smallest picture that holds all frames of a shot, scaled down where it would grow beyond its limits."""
    candidates = sorted({shot[round(share * (len(shot) - 1))] for share in np.linspace(0, 1, REFERENCES)})
    laid = [_relative(camera, shot, each) for each in candidates]
    best = max(laid, key=lambda each: (len(each[0]), -np.ptp(each[1], axis=0).prod()))
    matrices, reached, reference = best
    left, top = np.floor(reached.min(axis=0) + 1e-6)
    right, bottom = np.ceil(reached.max(axis=0) - 1e-6)
    full = Size(int(right - left) + 1, int(bottom - top) + 1)
    area = camera.size.width_px * camera.size.height_px
    samples = int(np.clip(PER_AREA * full.width_px * full.height_px / area, USUAL, MOST))
    samples = min(samples, max(FEWEST, SAMPLES_BYTES // (4 * area)))
    scale = min(
        1.0, (LARGEST_PX / (full.width_px * full.height_px)) ** 0.5, (SAMPLES_BYTES / (4 * area * samples)) ** 0.5
    )
    size = Size(max(1, round(full.width_px * scale)), max(1, round(full.height_px * scale)))
    settle = resize(full, size) @ shift(-left, -top)
    return Mosaic(
        size,
        normal(settle @ inverse(camera.matrices[reference])),
        {index: normal(settle @ matrix) for index, matrix in matrices.items()},
        scale,
        samples,
    )


def _relative(camera: CameraPath, shot: range, reference: int) -> tuple[dict[int, Matrix], NDArray[np.float64], int]:
    """The frames that lie well in the plane of one of them, with what their corners reach."""
    size = camera.size
    home = inverse(camera.matrices[reference])
    matrices, reached = {}, []
    for index in shot:
        matrix = normal(home @ camera.matrices[index])
        points, depth = _through(matrix, corners(size))
        across, along = points[2] - points[0], points[3] - points[1]
        share = abs(across[0] * along[1] - across[1] * along[0]) / 2 / (size.width_px * size.height_px)
        if (depth > 0).all() and 1 / STRETCH < share < STRETCH:
            matrices[index] = matrix
            reached.append(points)
    return matrices, np.concatenate(reached), reference


def _through(matrix: Matrix, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points through a matrix, with the divisor: what lies behind the camera has a negative one."""
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return moved[:, :2] / moved[:, 2:], moved[:, 2]


def candidates(mosaic: Mosaic) -> list[int]:
    """The frames whose mattes are worth reading: evenly over the shot."""
    known = sorted(mosaic.matrices)
    return [known[each] for each in np.unique(np.linspace(0, len(known) - 1, CANDIDATES).round().astype(int))]


def visible(mosaic: Mosaic, index: int, person: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where in a coarse map of the mosaic a frame sees the place as it is: away from the person and their shadow."""
    height, width = person.shape
    small = Size(max(1, width // GRID_PX), max(1, height // GRID_PX))
    cells = Size(max(1, mosaic.size.width_px // GRID_PX), max(1, mosaic.size.height_px // GRID_PX))
    there = cv2.resize((person > 8).astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0.02
    reach = 2 * round(SHADE_HEIGHTS * there.any(axis=1).sum()) + 1
    clear = cv2.dilate(there.astype(np.float32), np.ones((reach, reach), np.uint8)) == 0
    matrix = resize(mosaic.size, cells) @ mosaic.matrices[index] @ resize(small, Size(width, height))
    seen: NDArray[np.bool_] = cv2.warpPerspective(clear.astype(np.float32), matrix, cells) > 0.9
    return seen


def choose(seen: Sequence[NDArray[np.bool_]], count: int) -> list[int]:
    """Which pictures to compare: half evenly over time, the others where they show what was seen least so far."""
    if len(seen) <= count:
        return list(range(len(seen)))
    maps = np.array([each.ravel() for each in seen], np.float32)
    chosen = list(np.unique(np.linspace(0, len(seen) - 1, count // 2).round().astype(int)))
    often = maps[chosen].sum(axis=0)
    while len(chosen) < count:
        need = np.clip(OFTEN - often, 0, None) ** 2 + 1e-3
        worth = maps @ need
        worth[chosen] = -1
        chosen.append(np.argmax(worth))
        often += maps[chosen[-1]]
    return sorted(int(each) for each in chosen)
