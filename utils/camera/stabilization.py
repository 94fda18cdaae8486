"""From the camera as it was to a calm one: a path frame -> stable picture, without losing a pixel.

Every frame is moved to where its neighbours within a window say that it would be, had the hand been steady. Only moves
between near frames count, so a long pan stays what it was and no error adds up over a clip.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from utils.camera.l1_path import on_tripod
from utils.camera.path import CameraPath
from utils.image import Size
from utils.image.geometry import Matrix, corners, inverse, middle_of, moved, nearest_similarity, normal, shift

Method = Literal["gaussian", "optimal"]
Model = Literal["similarity", "homography"]

REACH = 2.5
"""Standard deviations of the window that are looked at."""
DOUBT = 1e-3
"""What a frame counts whose camera was not found: next to nothing, but never nothing at all."""


@dataclass(frozen=True)
class Calm:
    """How the calm path is found: over how long a stretch, and how much of the shake goes (0 to 1).

    gaussian averages; optimal then holds still, or pans at an even pace, for as long as it can. A similarity shifts,
    turns and zooms frames; a homography also takes out their tilt.
    """

    window_s: float = 1.0
    strength: float = 1.0
    method: Method = "gaussian"
    model: Model = "homography"


def stabilise(path: CameraPath, calm: Calm | None = None) -> CameraPath:
    """The path frame -> stable picture; its canvas holds every pixel of every frame."""
    calm = calm or Calm()
    matrices = np.empty_like(path.matrices)
    for shot in path.shots:
        part = slice(shot.start, shot.stop)
        steady = _steadied(path.matrices[part], path.times_s()[part], path.confidence[part], path.size, calm.window_s)
        if calm.method == "optimal":
            steady = on_tripod(path.matrices[part], steady, path.size)
        if calm.model == "similarity":
            steady = nearest_similarity(steady, path.size)
        matrices[part] = normal((1 - calm.strength) * np.eye(3) + calm.strength * steady)
    return _on_canvas(replace(path, matrices=matrices))


def _steadied(
    matrices: Matrix, times_s: NDArray[np.float64], confidence: NDArray[np.float64], size: Size, window_s: float
) -> Matrix:
    """For each frame the mean of its moves into its neighbours, as pixels about the middle of the picture."""
    middle = middle_of(size)
    back, there = inverse(middle) @ inverse(matrices), matrices @ middle
    deviation_s = window_s / 2
    result = np.empty_like(matrices)
    for index, time_s in enumerate(times_s):
        near = np.abs(times_s - time_s) <= REACH * deviation_s
        weights = _local_line(times_s[near] - time_s, np.maximum(confidence[near], DOUBT), deviation_s)
        result[index] = np.tensordot(weights, normal(back[near] @ there[index]), axes=1)
    return normal(middle @ result @ inverse(middle))


def _local_line(offsets_s: NDArray[np.float64], trust: NDArray[np.float64], deviation_s: float) -> NDArray[np.float64]:
    """Weights of a line fitted around a moment, read at that moment.

    In the middle of a shot they are a bell; at its ends they follow the movement there, where a bell would lag behind.
    """
    bell = trust * np.exp(-0.5 * (offsets_s / deviation_s) ** 2)
    total, lean, spread = bell.sum(), (bell * offsets_s).sum(), (bell * offsets_s**2).sum()
    determinant = total * spread - lean**2
    flat = determinant <= 1e-9 * total * total * deviation_s**2
    weights: NDArray[np.float64] = bell / total if flat else bell * (spread - lean * offsets_s) / determinant
    return weights


def _on_canvas(path: CameraPath) -> CameraPath:
    """The same path into a picture large enough for all frames, its pixels lying on those of a still frame."""
    reached = np.concatenate([moved(matrix, corners(path.size)) for matrix in path.matrices])
    left, top = np.floor(reached.min(axis=0) + 1e-6)
    right, bottom = np.ceil(reached.max(axis=0) - 1e-6)
    return path.then(shift(-left, -top), Size(int(right - left) + 1, int(bottom - top) + 1))
