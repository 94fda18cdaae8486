"""Mosaic: places the frames of a shot in one wide picture, limits its size, and selects the frames to sample.

The reference is the frame that stretches the others least, so that a pan extends to both sides of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.camera.path import CameraPath
from utils.image import Box, Size
from utils.image.geometry import Matrix, corners, inverse, normal, resize, shift

MAX_STRETCH = 6.0
"""A frame whose area would change by more than this factor is left out: the camera looks too far away there."""
REFERENCES = 9
"""Number of frames tried as the reference."""
LARGEST_PX = 48_000_000
"""Largest area of the mosaic."""
SAMPLES_BYTES = 800_000_000
"""Largest memory of all samples together, at 4 bytes per pixel."""
MIN_SAMPLES, USUAL_SAMPLES, MAX_SAMPLES = 24, 48, 256
"""Least number of samples, number for a still camera, and most."""
PER_AREA = 12
"""Samples per frame area of the mosaic."""
CANDIDATES = 160
"""Frames whose mattes are read to select the samples."""
GRID_PX = 16
"""Cell size of the coarse map of what a frame sees."""
SHADE_HEIGHTS = 0.4
"""Distance from the person, in their heights, within which a shadow is likely."""
ENOUGH_SAMPLES = 8
"""A place seen by this many samples needs no more."""


@dataclass(frozen=True)
class Mosaic:
    """The wide picture: homographies frame -> mosaic for each usable frame, and background picture -> mosaic."""

    size: Size
    to_plate: Matrix
    matrices: dict[int, Matrix]
    scale: float
    samples: int

    def box(self, index: int, frame: Size) -> Box:
        """The box of the mosaic that a frame covers."""
        reached = _transformed(self.matrices[index], corners(frame))[0]
        left, top = np.floor(reached.min(axis=0)).astype(int)
        right, bottom = np.ceil(reached.max(axis=0)).astype(int) + 1
        return Box(int(left), int(top), int(right), int(bottom)) & Box(0, 0, *self.size)

    def reached(self, frame: Size) -> NDArray[np.bool_]:
        """Marks the pixels (H x W) that any of the candidate frames covers, with or without people."""
        covered = np.zeros((self.size.height_px, self.size.width_px), np.uint8)
        for index in candidates(self):
            outline = _transformed(self.matrices[index], corners(frame))[0]
            cv2.fillConvexPoly(covered, np.rint(outline).astype(np.int32), 1)
        return covered > 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user about a reduced size."""
        if self.scale > 0.999:
            return ()
        return (f"The camera saw so much that the background plate is kept at {self.scale:.0%} of the clip's size.",)


def lay_out(camera: CameraPath, shot: range) -> Mosaic:
    """Lay out the smallest mosaic that holds all frames of a shot, scaled down to the limits of size and memory."""
    candidates = sorted({shot[round(share * (len(shot) - 1))] for share in np.linspace(0, 1, REFERENCES)})
    layouts = [_relative(camera, shot, index) for index in candidates]
    best = max(layouts, key=lambda index: (len(index[0]), -np.ptp(index[1], axis=0).prod()))
    matrices, reached, reference = best
    left, top = np.floor(reached.min(axis=0) + 1e-6)
    right, bottom = np.ceil(reached.max(axis=0) - 1e-6)
    full = Size(int(right - left) + 1, int(bottom - top) + 1)
    area = camera.size.width_px * camera.size.height_px
    samples = int(np.clip(PER_AREA * full.width_px * full.height_px / area, USUAL_SAMPLES, MAX_SAMPLES))
    samples = min(samples, max(MIN_SAMPLES, SAMPLES_BYTES // (4 * area)))
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
    """The frames that can be warped into the plane of a reference frame, and the positions of their corners."""
    size = camera.size
    home = inverse(camera.matrices[reference])
    matrices, reached = {}, []
    for index in shot:
        matrix = normal(home @ camera.matrices[index])
        points, depth = _transformed(matrix, corners(size))
        across, along = points[2] - points[0], points[3] - points[1]
        share = abs(across[0] * along[1] - across[1] * along[0]) / 2 / (size.width_px * size.height_px)
        if (depth > 0).all() and 1 / MAX_STRETCH < share < MAX_STRETCH:
            matrices[index] = matrix
            reached.append(points)
    return matrices, np.concatenate(reached), reference


def _transformed(matrix: Matrix, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points transformed by a homography, and the divisors, which are negative behind the camera."""
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return moved[:, :2] / moved[:, 2:], moved[:, 2]


def candidates(mosaic: Mosaic) -> list[int]:
    """The frames whose mattes are read: evenly distributed over the shot."""
    known = sorted(mosaic.matrices)
    return [known[each] for each in np.unique(np.linspace(0, len(known) - 1, CANDIDATES).round().astype(int))]


def visible(mosaic: Mosaic, index: int, person: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Coarse map of the mosaic: where a frame sees the background, away from the person and their shadow."""
    size = Size.of(person)
    small = Size(max(1, size.width_px // GRID_PX), max(1, size.height_px // GRID_PX))
    cells = Size(max(1, mosaic.size.width_px // GRID_PX), max(1, mosaic.size.height_px // GRID_PX))
    there = cv2.resize((person > 8).astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0.02
    reach = 2 * round(SHADE_HEIGHTS * there.any(axis=1).sum()) + 1
    clear = cv2.dilate(there.astype(np.float32), np.ones((reach, reach), np.uint8)) == 0
    matrix = resize(mosaic.size, cells) @ mosaic.matrices[index] @ resize(small, size)
    seen: NDArray[np.bool_] = cv2.warpPerspective(clear.astype(np.float32), matrix, cells) > 0.9
    return seen


def choose(seen: Sequence[NDArray[np.bool_]], count: int) -> list[int]:
    """Select the samples: half of them evenly over time, the others greedily where the background was seen least."""
    if len(seen) <= count:
        return list(range(len(seen)))
    maps = np.array([each.ravel() for each in seen], np.float32)
    chosen = list(np.unique(np.linspace(0, len(seen) - 1, count // 2).round().astype(int)))
    seen_count = maps[chosen].sum(axis=0)
    while len(chosen) < count:
        need = np.clip(ENOUGH_SAMPLES - seen_count, 0, None) ** 2 + 1e-3
        worth = maps @ need
        worth[chosen] = -1
        chosen.append(np.argmax(worth))
        seen_count += maps[chosen[-1]]
    return sorted(int(each) for each in chosen)
