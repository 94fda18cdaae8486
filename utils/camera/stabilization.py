"""Stabilization: turns the measured camera path into a smooth one, as a path frame -> stable picture.

Each frame is moved to where its neighbours in time expect it, by the steps between them and a local regression.
Only near frames count, so a long pan is kept, a camera may travel, and no error accumulates over the clip. No pixel is
cropped.
"""

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from utils.camera.l1_path import l1_optimal
from utils.camera.path import CameraPath
from utils.image import Size
from utils.image.geometry import Matrix, corners, inverse, middle_of, moved, nearest_similarity, normal, shift

Method = Literal["gaussian", "optimal"]
Model = Literal["similarity", "homography"]

REACH = 2.5
"""Neighbours farther away than this many standard deviations are left out."""
DEVIATIONS = 0.75
"""Standard deviation of the weights, in windows."""
FLATNESS, BENDING = 1e-9, 0.1
"""How far the regression is held back from a slope (only where frames do not determine one) and from a bend, which is
badly known at the ends of a shot."""
MIN_CONFIDENCE = 1e-3
"""Weight of a frame whose camera was not found: next to nothing, but not zero, so that a fit always exists."""


@dataclass(frozen=True)
class Smoothing:
    """How the camera path is smoothed: length of the time window, and how much of the shake is removed (0 to 1).

    `gaussian` averages; `optimal` then computes the L1-optimal path, which stands still or pans at constant speed for
    as long as possible. `similarity` shifts, rotates and zooms frames; `homography` also removes their tilt.
    """

    window_s: float = 1.0
    strength: float = 1.0
    method: Method = "gaussian"
    model: Model = "homography"


def stabilise(path: CameraPath, smoothing: Smoothing | None = None) -> CameraPath:
    """The smoothed path, frame -> stable picture; its canvas holds every pixel of every frame."""
    smoothing = smoothing or Smoothing()
    matrices = np.empty_like(path.matrices)
    for shot in path.shots:
        part = slice(shot.start, shot.stop)
        smooth = _smoothed(path.steps[part], path.times_s()[part], path.confidence[part], path.size, smoothing.window_s)
        if smoothing.method == "optimal":
            smooth = l1_optimal(path.steps[part], smooth, path.size)
        if smoothing.model == "similarity":
            smooth = nearest_similarity(smooth, path.size)
        matrices[part] = normal((1 - smoothing.strength) * np.eye(3) + smoothing.strength * smooth)
    return _on_canvas(replace(path, matrices=matrices))


def _smoothed(
    steps: Matrix, times_s: NDArray[np.float64], confidence: NDArray[np.float64], size: Size, window_s: float
) -> Matrix:
    """Smoothing by local regression: for each frame the weighted mean of its moves into its neighbours.

    Matrices are averaged in coordinates about the middle of the picture.
    """
    middle = middle_of(size)
    back = inverse(middle) @ steps @ middle
    forth = inverse(back)
    deviation_s = DEVIATIONS * window_s
    result = np.empty_like(steps)
    for index, time_s in enumerate(times_s):
        near = np.flatnonzero(np.abs(times_s - time_s) <= REACH * deviation_s)
        weights = _local_quadratic_weights(
            times_s[near] - time_s, np.maximum(confidence[near], MIN_CONFIDENCE), deviation_s
        )
        moves = _moves_into(index, near, back, forth)
        result[index] = np.tensordot(weights, moves, axes=1)
    return normal(middle @ result @ inverse(middle))


def _moves_into(index: int, near: NDArray[np.int64], back: Matrix, forth: Matrix) -> Matrix:
    """The moves of one frame into its neighbours, by their steps back in time and forth."""
    before = accumulate(back[index : near[0] : -1], lambda move, step: step @ move, initial=np.eye(3))
    after = accumulate(forth[index + 1 : near[-1] + 1], lambda move, step: step @ move, initial=np.eye(3))
    return normal(np.array([*reversed(list(before)), *list(after)[1:]]))


def _local_quadratic_weights(
    offsets_s: NDArray[np.float64], confidence: NDArray[np.float64], deviation_s: float
) -> NDArray[np.float64]:
    """Weights of a local quadratic regression with Gaussian weights, evaluated at its centre.

    Of two filters that calm the shake alike, the quadratic keeps more of what the operator meant: slow movements, and
    pans at the ends of a shot, where the Gaussian alone would lag.
    """
    gaussian = confidence * np.exp(-0.5 * (offsets_s / deviation_s) ** 2)
    terms = (offsets_s / deviation_s) ** np.arange(3)[:, None]
    moments = (terms * gaussian) @ terms.T
    moments += gaussian.sum() * np.diag([0, FLATNESS, BENDING])
    weights: NDArray[np.float64] = gaussian * (np.linalg.solve(moments, [1, 0, 0]) @ terms)
    return weights


def _on_canvas(path: CameraPath) -> CameraPath:
    """The path into a canvas large enough for all frames, shifted by whole pixels so that a still frame stays sharp."""
    reached = np.concatenate([moved(matrix, corners(path.size)) for matrix in path.matrices])
    left, top = np.floor(reached.min(axis=0) + 1e-6)
    right, bottom = np.ceil(reached.max(axis=0) - 1e-6)
    return path.then(shift(-left, -top), Size(int(right - left) + 1, int(bottom - top) + 1))
