"""Strays: joints that for a moment are found somewhere else, on the other leg or in the background, and then back."""

import numpy as np
from numpy.typing import NDArray

from utils.people.pose import Poses

LONGEST_S = 0.11
"""From the last frame before to the first after: three steps of 30 a second."""
AWAY_LEG, BACK_LEG = 0.25, 0.1
"""Nothing of a person goes so far and comes back so near in that time."""


def without_strays(poses: Poses, times_s: NDArray[np.float64]) -> Poses:
    """The same poses, strays missing."""
    keypoints, confidence = poses.keypoints.copy(), poses.confidence.copy()
    leg_px = poses.leg_px()
    for step in range(2, len(poses)):
        near = np.flatnonzero(times_s[step:] - times_s[:-step] <= LONGEST_S)
        if not len(near):
            break
        for first in near:
            ends, between = keypoints[[first, first + step]], slice(first + 1, first + step)
            there_px = np.fmax(leg_px[first], leg_px[first + step])
            back = np.linalg.norm(ends[1] - ends[0], axis=-1) < BACK_LEG * there_px
            away = np.linalg.norm(keypoints[between] - ends.mean(axis=0), axis=-1) > AWAY_LEG * there_px
            stray = back & away.any(axis=0)
            keypoints[between, stray] = np.nan
            confidence[between, stray] = 0
    return Poses(keypoints, confidence, poses.measured)
