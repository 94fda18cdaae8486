"""Solids of the head and its hair, in the rest pose."""

import numpy as np

from utils.walker.kernel import Floats
from utils.walker.noise import noise_at
from utils.walker.solids import capsule, ellipsoid, loft, smooth_cut, smooth_union, vector

LOW, HIGH = (-0.105, 1.38, -0.135), (0.105, 1.80, 0.13)


def head(points: Floats) -> Floats:
    """Solid of skull, face and neck; one half is modelled and mirrored."""
    p = points.copy()
    p[:, 0] = np.abs(p[:, 0])
    solid = ellipsoid(p, (0, 1.664, 0.012), (0.072, 0.088, 0.094))
    solid = smooth_union(solid, ellipsoid(p, (0, 1.607, -0.026), (0.0545, 0.078, 0.066)), 0.03)
    solid = smooth_union(solid, capsule(p, (0.044, 1.580, -0.008), (0.013, 1.541, -0.066), 0.015, 0.016), 0.028)
    solid = smooth_union(solid, ellipsoid(p, (0, 1.541, -0.070), (0.022, 0.018, 0.018)), 0.018)
    solid = smooth_union(solid, ellipsoid(p, (0.043, 1.613, -0.058), (0.019, 0.022, 0.022)), 0.022)
    neck = loft(p, (0, 1.40, 0.024), (0, 1.585, 0.020), (1, 0, 0),
                [(0, 0.064, 0.062, 0), (0.4, 0.054, 0.056, 0), (1, 0.052, 0.054, 0)])  # fmt: skip
    return _features(p, smooth_union(solid, neck, 0.022))


def _features(p: Floats, solid: Floats) -> Floats:
    """Add brows, eyes, nose, lips and ears."""
    solid = smooth_union(solid, capsule(p, (0.016, 1.661, -0.083), (0.048, 1.662, -0.066), 0.0085, 0.008), 0.016)
    solid = smooth_cut(solid, ellipsoid(p, (0.031, 1.641, -0.101), (0.019, 0.0125, 0.017)), 0.014)
    solid = smooth_union(solid, ellipsoid(p, (0.031, 1.6395, -0.0745), (0.0145, 0.0125, 0.0125)), 0.003)
    bridge = capsule(p, (0, 1.652, -0.084), (0, 1.613, -0.1015), 0.0078, 0.0105)
    tip = smooth_union(ellipsoid(p, (0, 1.608, -0.1015), (0.0118, 0.0105, 0.0115)),
                       ellipsoid(p, (0.0125, 1.605, -0.094), (0.0078, 0.0075, 0.010)), 0.006)  # fmt: skip
    solid = smooth_union(solid, smooth_union(bridge, tip, 0.008), 0.010)
    upper = capsule(p, (0, 1.580, -0.0895), (0.021, 1.5755, -0.079), 0.0062, 0.0035)
    lower = capsule(p, (0, 1.571, -0.0880), (0.018, 1.5735, -0.080), 0.0070, 0.0035)
    solid = smooth_union(smooth_union(solid, upper, 0.007), lower, 0.006)
    ear = smooth_cut(ellipsoid(p, (0.077, 1.630, 0.016), (0.0095, 0.031, 0.019)),
                     ellipsoid(p, (0.088, 1.634, 0.012), (0.007, 0.019, 0.010)), 0.006)  # fmt: skip
    return smooth_union(solid, ear, 0.007)


def short_hair(points: Floats) -> Floats:
    """Solid of short hair: cropped at the sides, swept up in front."""
    x, y, z = points.T
    cap = ellipsoid(points, (0, 1.667, 0.017), (0.0775, 0.093, 0.100))
    front = ellipsoid(points, (0.010, 1.738, -0.050), (0.056, 0.030, 0.046))
    cap = smooth_union(cap, front, 0.03)
    cap = smooth_union(cap, ellipsoid(points, (-0.008, 1.755, 0.002), (0.054, 0.021, 0.06)), 0.03)
    hairline = np.asarray((1.632 - 0.95 * z - y + 0.010 * np.cos(x * 55)) / 1.38, np.float32)
    sideburn = capsule(np.abs(points * vector((1, 0, 0))) + points * vector((0, 1, 1)),
                       (0.0715, 1.668, -0.006), (0.0715, 1.622, -0.004), 0.009, 0.006)  # fmt: skip
    tuft = noise_at(points, 60, 26, 26) * 0.0055 + noise_at(points, 150, 50, 45) * 0.0035
    solid = smooth_union(-smooth_union(-cap, -hairline, 0.014), sideburn, 0.012)
    return np.asarray(solid + tuft * np.clip((y - 1.60) / 0.1, 0.2, 1), np.float32)


def long_hair(points: Floats) -> Floats:
    """Solid of long hair: a bob to the chin, parted at the side."""
    _x, _y, _z = points.T
    cap = ellipsoid(points, (0, 1.667, 0.020), (0.087, 0.098, 0.106))
    mirrored = points.copy()
    mirrored[:, 0] = np.abs(mirrored[:, 0])
    sides = loft(mirrored, (0.080, 1.68, 0.012), (0.082, 1.535, 0.005), (0, 0, 1),
                 [(0, 0.058, 0.020, 0), (0.6, 0.062, 0.022, 0), (1, 0.050, 0.014, 0)])  # fmt: skip
    back = loft(points, (0, 1.66, 0.075), (0, 1.525, 0.085), (1, 0, 0),
                [(0, 0.080, 0.045, 0), (0.6, 0.086, 0.040, 0), (1, 0.075, 0.028, 0)])  # fmt: skip
    solid = smooth_union(smooth_union(cap, sides, 0.025), back, 0.03)
    face = ellipsoid(points, (0.010, 1.610, -0.100), (0.062, 0.098, 0.075))
    strands = noise_at(points, 70, 14, 70) * 0.0045
    return np.asarray(smooth_cut(solid, face, 0.012) + strands, np.float32)
