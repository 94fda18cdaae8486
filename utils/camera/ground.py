"""Ground path: where each frame lies relative to the ground near the subject's feet.

While the camera turns but stays, and the ground near the feet keeps to the plane of the background, the camera path
says it, without drift. When it travels, the ground near the feet moves otherwise than what lies far behind. There it is
followed from frame to frame by similarities fitted to the background points around the feet, which cannot degenerate
however far it goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from utils.camera.path import CameraPath
from utils.image.geometry import Matrix, Points, inverse, moved, normal, shift, stretch

Doubles = NDArray[np.float64]
PointPairs = NDArray[np.float32]
"""n x 4: where background points were in the frame before, and are in this one."""

SIDEWAYS_LEG, UPRIGHT_LEG = 2.0, 0.8
"""Standard deviations of the Gaussian weights of points around the feet, in leg lengths: the ground is seen flat, so
that what lies above the feet is farther away than what lies beside them."""
FAR_WEIGHT = 0.01
"""Weight of points far from the feet, which decide where there are no others."""
SCALE_PX = 0.7
"""Scale of the Geman-McClure weights of a point's residual."""
ROUNDS = 8
MAX_STRETCH = 1.3
"""A camera stays while the picture's edges get longer or shorter by no more than this factor."""
DRIFT_WINDOW_S = 0.5
DRIFT_LEG, DRIFT_PX = 0.02, 1.0
"""A place is one plane near the feet when points there drift from it by less than this in a window, usually."""


@dataclass(frozen=True)
class Feet:
    """Where the subject stands in each of n frames: the middle between the feet (n x 2 px) and the leg length (n)."""

    middle: Points
    leg_px: Doubles

    def weights(self, index: int, points: Points) -> Doubles:
        """The weights of points of one frame, by how near to the feet they are."""
        away = (points - self.middle[index]) / (self.leg_px[index] * np.array([SIDEWAYS_LEG, UPRIGHT_LEG]))
        return np.asarray(np.exp(-0.5 * (away**2).sum(axis=1)) + FAR_WEIGHT)


def ground_path(camera: CameraPath, pairs: Sequence[PointPairs], feet: Feet) -> CameraPath:
    """The camera path with matrices from each frame to the ground near the feet, continuous within each shot."""
    matrices = np.empty_like(camera.matrices)
    for place in camera.places:
        link = np.eye(3)
        if place.start not in (shot.start for shot in camera.shots):
            before = similarity_at(matrices[place.start - 1], feet.middle[place.start - 1])
            link = before @ _local_step(pairs[place.start], feet, place.start)
        if _is_plane(camera, place, pairs, feet):
            matrices[place.start : place.stop] = (
                link @ inverse(camera.matrices[place.start]) @ (camera.matrices[place.start : place.stop])
            )
        else:
            matrices[place.start] = link
            for index in place[1:]:
                matrices[index] = matrices[index - 1] @ _local_step(pairs[index], feet, index)
    return replace(camera, matrices=normal(matrices), place_starts=())


def similarity_at(matrix: Matrix, point: Points) -> Matrix:
    """The similarity that does to a point and what is right around it what a homography does."""
    near = moved(matrix, point + np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    right, down = near[1] - near[0], near[2] - near[0]
    along, across = (right[0] + down[1]) / 2, (right[1] - down[0]) / 2
    around = np.array([[along, -across, 0], [across, along, 0], [0, 0, 1]])
    return np.asarray(shift(*near[0]) @ around @ shift(*-point))


def _is_plane(camera: CameraPath, place: range, pairs: Sequence[PointPairs], feet: Feet) -> bool:
    """Whether the camera stays, and points near the feet do not drift away from the plane of the place."""
    here = inverse(camera.matrices[place.start]) @ camera.matrices[place.start : place.stop]
    if max(stretch(matrix, camera.size) for matrix in here) > MAX_STRETCH:
        return False
    drifts = [
        _drift(inverse(camera.matrices[index - 1]) @ camera.matrices[index], pairs[index], feet, index)
        for index in place[1:]
    ]
    if not drifts:
        return True
    times_s = camera.times_s()[place.start : place.stop]
    window = max(1, round(DRIFT_WINDOW_S / max(float(np.median(np.diff(times_s))), 1e-3)))
    summed = np.concatenate([np.zeros((1, 2)), np.cumsum(drifts, axis=0)])
    away_px = np.linalg.norm(summed[window:] - summed[:-window], axis=1) if len(summed) > window else np.zeros(1)
    limit_px = max(DRIFT_PX, DRIFT_LEG * float(np.median(feet.leg_px[place.start : place.stop])))
    return float(np.quantile(away_px, 0.8)) < limit_px


def _drift(step: Matrix, pairs: PointPairs, feet: Feet, index: int) -> Doubles:
    """The mean residual of a step near the feet, px."""
    before, after = pairs[:, :2].astype(float), pairs[:, 2:].astype(float)
    if not len(pairs):
        return np.zeros(2)
    residuals = moved(step, after) - before
    weights = feet.weights(index, after) / (1 + (np.linalg.norm(residuals, axis=1) / 2) ** 2)
    return np.asarray(np.average(residuals, axis=0, weights=weights))


def _local_step(pairs: PointPairs, feet: Feet, index: int) -> Matrix:
    """The similarity from a frame to the one before that fits the background points around the feet best."""
    if len(pairs) < 3:
        return np.eye(3)
    before, after = pairs[:, :2].astype(float), pairs[:, 2:].astype(float)
    near = feet.weights(index, after)
    middle = np.average(after, axis=0, weights=near)
    start, end = (each - middle for each in (after, before))
    rows = np.zeros((len(pairs), 2, 4))
    rows[:, 0] = np.stack([start[:, 0], -start[:, 1], np.ones(len(pairs)), np.zeros(len(pairs))], axis=1)
    rows[:, 1] = np.stack([start[:, 1], start[:, 0], np.zeros(len(pairs)), np.ones(len(pairs))], axis=1)
    entries = np.array([1.0, 0.0, *np.average(end - start, axis=0, weights=near)])
    for scale_px in np.maximum(SCALE_PX, 4 * SCALE_PX / 2.0 ** np.arange(ROUNDS)):
        residuals = np.linalg.norm(rows @ entries - end, axis=1)
        weights = near * (1 + (residuals / scale_px) ** 2) ** -2
        squares = np.einsum("n,nki,nkj->ij", weights, rows, rows) + 1e-9 * np.eye(4)
        entries = np.linalg.solve(squares, np.einsum("n,nki,nk->i", weights, rows, end))
    along, across, right, down = entries
    step = np.array([[along, -across, right], [across, along, down], [0, 0, 1]])
    return np.asarray(shift(*middle) @ step @ shift(*-middle))
