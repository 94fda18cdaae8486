"""Solid of a relaxed left hand in the rest pose."""

import math

import numpy as np

from utils.walker.kernel import Floats
from utils.walker.skeleton import ARM_OUT, FOREARM_M, SHOULDER, UPPER_ARM_M
from utils.walker.solids import capsule, ellipsoid, smooth_union

HAND_BOX = (0.45, 0.77, -0.09), (0.64, 1.03, 0.08)

_FINGERS = ((0.086, -0.026, 0.070), (0.090, -0.009, 0.078), (0.087, 0.008, 0.073), (0.080, 0.024, 0.058))
"""Fingers: metres from the wrist, metres across the palm (thumb side negative), length."""


def hand(points: Floats) -> Floats:
    """Solid of a hand: palm, four curled fingers and a thumb."""
    q = _local(points)
    solid = ellipsoid(q, (0, 0.052, 0.0), (0.0165, 0.056, 0.040))
    solid = smooth_union(solid, capsule(q, (0, -0.05, 0.002), (0, 0.02, 0.0), 0.028, 0.025), 0.02)
    for start, across, length in _FINGERS:
        knuckle = (0.003, start - 0.012, across)
        middle = (-0.003, start + 0.48 * length, across * 1.02)
        tip = (-0.024, start + 0.90 * length, across * 0.98)
        finger = capsule(q, knuckle, middle, 0.0102, 0.0088)
        finger = smooth_union(finger, capsule(q, middle, tip, 0.0086, 0.0070), 0.003)
        solid = smooth_union(solid, finger, 0.006)
    thumb = capsule(q, (-0.004, 0.020, -0.024), (-0.016, 0.062, -0.050), 0.0150, 0.0108)
    thumb = smooth_union(thumb, capsule(q, (-0.016, 0.062, -0.050), (-0.022, 0.090, -0.050), 0.0100, 0.0080), 0.004)
    return smooth_union(solid, thumb, 0.014)


def _local(points: Floats) -> Floats:
    """Axes of the hand: out from its back, along the arm from the wrist, and across (z)."""
    s, c, length = math.sin(ARM_OUT), math.cos(ARM_OUT), UPPER_ARM_M + FOREARM_M
    x = points[:, 0] - (SHOULDER[0] + s * length)
    y = points[:, 1] - (SHOULDER[1] - c * length)
    return np.asarray(np.stack([x * c + y * s, x * s - y * c, points[:, 2] - SHOULDER[2]], 1), np.float32)
