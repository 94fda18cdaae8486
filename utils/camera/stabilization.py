"""Stabilization: turns the measured camera path into a smooth one, as a path frame -> stable picture.

Each frame is moved to the Gaussian-weighted mean of where its neighbours in time expect it. Only moves between near
frames count, so a long pan is kept and no error accumulates over the clip. No pixel is cropped.
"""

from dataclasses import dataclass, replace
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
        smooth = _gaussian_smoothed(
            path.matrices[part], path.times_s()[part], path.confidence[part], path.size, smoothing.window_s
        )
        if smoothing.method == "optimal":
            smooth = l1_optimal(path.matrices[part], smooth, path.size)
        if smoothing.model == "similarity":
            smooth = nearest_similarity(smooth, path.size)
        matrices[part] = normal((1 - smoothing.strength) * np.eye(3) + smoothing.strength * smooth)
    return _on_canvas(replace(path, matrices=matrices))


def _gaussian_smoothed(
    matrices: Matrix, times_s: NDArray[np.float64], confidence: NDArray[np.float64], size: Size, window_s: float
) -> Matrix:
    """Gaussian smoothing: for each frame the weighted mean of its moves into its neighbours.

    Matrices are averaged in coordinates about the middle of the picture.
    """
    middle = middle_of(size)
    back, forth = inverse(middle) @ inverse(matrices), matrices @ middle
    deviation_s = window_s / 2
    result = np.empty_like(matrices)
    for index, time_s in enumerate(times_s):
        near = np.abs(times_s - time_s) <= REACH * deviation_s
        weights = _local_linear_weights(
            times_s[near] - time_s, np.maximum(confidence[near], MIN_CONFIDENCE), deviation_s
        )
        result[index] = np.tensordot(weights, normal(back[near] @ forth[index]), axes=1)
    return normal(middle @ result @ inverse(middle))


def _local_linear_weights(
    offsets_s: NDArray[np.float64], confidence: NDArray[np.float64], deviation_s: float
) -> NDArray[np.float64]:
    """Weights of a local linear regression with Gaussian weights, evaluated at its centre.

    In the middle of a shot they equal the Gaussian; at its ends, where the Gaussian would lag, they follow the motion.
    """
    gaussian = confidence * np.exp(-0.5 * (offsets_s / deviation_s) ** 2)
    total, lean, spread = gaussian.sum(), (gaussian * offsets_s).sum(), (gaussian * offsets_s**2).sum()
    determinant = total * spread - lean**2
    flat = determinant <= 1e-9 * total * total * deviation_s**2
    weights: NDArray[np.float64] = gaussian / total if flat else gaussian * (spread - lean * offsets_s) / determinant
    return weights


def _on_canvas(path: CameraPath) -> CameraPath:
    """The path into a canvas large enough for all frames, shifted by whole pixels so that a still frame stays sharp."""
    reached = np.concatenate([moved(matrix, corners(path.size)) for matrix in path.matrices])
    left, top = np.floor(reached.min(axis=0) + 1e-6)
    right, bottom = np.ceil(reached.max(axis=0) - 1e-6)
    return path.then(shift(-left, -top), Size(int(right - left) + 1, int(bottom - top) + 1))
