"""Signed distance functions of simple solids and their smooth unions, from which the figure is modelled.

Points are n x 3 in metres; distances are n, negative inside. They are exact enough near the surface, which is all
that a mesh needs.
"""

from collections.abc import Sequence

import numpy as np

from utils.walker.kernel import Floats

Vector = Sequence[float] | Floats


def vector(values: Vector) -> Floats:
    """A point or a direction as an array."""
    return np.asarray(values, np.float32)


def smooth_union(a: Floats, b: Floats, reach_m: float) -> Floats:
    """Union of two solids, with a fillet of the given reach where they meet."""
    h = np.clip(0.5 + 0.5 * (b - a) / reach_m, 0, 1)
    return np.asarray(b * (1 - h) + a * h - reach_m * h * (1 - h), np.float32)


def smooth_cut(a: Floats, b: Floats, reach_m: float) -> Floats:
    """Difference: the first solid without the second, with a fillet."""
    return -smooth_union(-a, b, reach_m)


def ellipsoid(points: Floats, centre: Vector, radii: Vector) -> Floats:
    """Distance to an ellipsoid, exact to first order at its surface."""
    offset = (points - vector(centre)) / vector(radii)
    k0 = np.linalg.norm(offset, axis=1)
    k1 = np.linalg.norm(offset / vector(radii), axis=1)
    return np.asarray(k0 * (k0 - 1) / np.maximum(k1, 1e-6), np.float32)


def capsule(points: Floats, a: Vector, b: Vector, radius_a: float, radius_b: float) -> Floats:
    """Distance to a tapered capsule, whose radius changes linearly from end to end."""
    start, axis = vector(a), vector(b) - vector(a)
    along = np.clip((points - start) @ axis / float(axis @ axis), 0, 1)
    spine = start + along[:, None] * axis
    return np.asarray(np.linalg.norm(points - spine, axis=1) - (radius_a + (radius_b - radius_a) * along), np.float32)


def curve(t: Floats, knots: Sequence[float], values: Sequence[float]) -> Floats:
    """Smooth cubic (Hermite) through (knot, value) pairs, constant outside."""
    x, y = np.asarray(knots, np.float64), np.asarray(values, np.float64)
    slope = np.gradient(y, x)
    t = np.clip(t, x[0], x[-1])
    i = np.clip(np.searchsorted(x, t, side="right") - 1, 0, len(x) - 2)
    width = x[i + 1] - x[i]
    u = (t - x[i]) / width
    rise = (1 + 2 * u) * (1 - u) ** 2 * y[i] + u * u * (3 - 2 * u) * y[i + 1]
    return np.asarray(rise + width * (u * (1 - u) ** 2 * slope[i] - u * u * (1 - u) * slope[i + 1]), np.float32)


def loft(points: Floats, a: Vector, b: Vector, side: Vector, profile: Sequence[Vector], power: float = 2.0) -> Floats:
    """Distance to a loft: elliptic sections along an axis from a to b, with round ends.

    Each row of the profile is (share of the axis, radius along `side`, radius across it, offset across it) in metres.
    A power above 2 squares the sections off.
    """
    start, axis = vector(a), vector(b) - vector(a)
    length = float(np.linalg.norm(axis))
    axis = axis / length
    lateral = vector(side) - axis * float(vector(side) @ axis)
    lateral = lateral / np.linalg.norm(lateral)
    across = np.cross(lateral, axis)
    offset = points - start
    t = offset @ axis / length
    knots = [row[0] for row in profile]
    wide, deep, shift = (curve(t, knots, [row[column] for row in profile]) for column in (1, 2, 3))
    u, v = offset @ lateral, offset @ across - shift
    ring = (np.abs(u / wide) ** power + np.abs(v / deep) ** power) ** (1 / power)
    radius = np.minimum(wide, deep)
    beside = (ring - 1) * radius
    beyond = np.maximum(np.maximum(-t, t - 1), 0) * length
    capped = np.hypot(np.maximum(beside + radius, 0), beyond) - radius
    return np.asarray(np.where(beyond > 0, capped, beside), np.float32)
