"""Quantised flow: displacements as 16-bit multiples of a fraction of a pixel, which compress well."""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow.field import Vectors

STEPS_PER_PX = 16
"""Usual resolution, which reaches displacements of 2047 px."""
Steps = NDArray[np.int16]


def packed(vectors: Vectors, steps_per_px: int = STEPS_PER_PX) -> Steps:
    """Flow as int16, to within half a step. Larger displacements than fit are clipped."""
    return np.asarray(cv2.addWeighted(vectors, float(steps_per_px), vectors, 0.0, 0.0, dtype=cv2.CV_16S), np.int16)


def unpacked(steps: Steps, steps_per_px: int = STEPS_PER_PX) -> Vectors:
    """The inverse of `packed`."""
    return np.multiply(steps, np.float32(1 / steps_per_px), dtype=np.float32)


def saturated(steps: Steps) -> NDArray[np.bool_] | None:
    """Marks displacements (h x w) that may have been clipped; None, which is the usual case, if there are none."""
    limits = np.iinfo(np.int16)
    if limits.min < steps.min() and steps.max() < limits.max:
        return None
    clipped: NDArray[np.bool_] = ((steps == limits.min) | (steps == limits.max)).any(axis=-1)
    return clipped
