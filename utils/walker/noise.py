"""Value noise for textures, the same on every machine."""

import math

import numpy as np

from utils.walker.kernel import Floats, kernel


@kernel
def hash3(x: int, y: int, z: int) -> float:
    """Hash of a lattice point, a number in [0, 1)."""
    h = (
        np.uint32(x) * np.uint32(0x8DA6B343)
        ^ np.uint32(y) * np.uint32(0xD8163841)
        ^ np.uint32(z) * np.uint32(0xCB1AB31F)
    )
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0x5BD1E995)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x27D4EB2D)
    h = h ^ (h >> np.uint32(14))
    return float(h & np.uint32(0xFFFFFF)) / 16777216.0


@kernel
def value3(x: float, y: float, z: float) -> float:
    """Value noise in [-1, 1], one feature per unit."""
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    i, j, k = int(i), int(j), int(k)
    a = hash3(i, j, k) * (1 - u) + hash3(i + 1, j, k) * u
    b = hash3(i, j + 1, k) * (1 - u) + hash3(i + 1, j + 1, k) * u
    c = hash3(i, j, k + 1) * (1 - u) + hash3(i + 1, j, k + 1) * u
    d = hash3(i, j + 1, k + 1) * (1 - u) + hash3(i + 1, j + 1, k + 1) * u
    return 2.0 * ((a * (1 - v) + b * v) * (1 - w) + (c * (1 - v) + d * v) * w) - 1.0


@kernel
def value2(x: float, y: float) -> float:
    """Value noise in [-1, 1] on a plane."""
    i, j = math.floor(x), math.floor(y)
    u, v = x - i, y - j
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    i, j = int(i), int(j)
    a = hash3(i, j, 7) * (1 - u) + hash3(i + 1, j, 7) * u
    b = hash3(i, j + 1, 7) * (1 - u) + hash3(i + 1, j + 1, 7) * u
    return 2.0 * (a * (1 - v) + b * v) - 1.0


@kernel
def cloud2(x: float, y: float, octaves: int) -> float:
    """Several octaves of `value2`, about in [-1, 1]."""
    total, size, scale = 0.0, 0.5, 1.0
    for _ in range(octaves):
        total += size * value2(x * scale + 13.7 * scale, y * scale - 5.1)
        size *= 0.5
        scale *= 2.03
    return total


@kernel
def step(low: float, high: float, x: float) -> float:
    """Smoothstep from 0 to 1 between two bounds, which may be given in descending order."""
    t = min(1.0, max(0.0, (x - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@kernel
def noise_at(points: Floats, scale_x: float, scale_y: float, scale_z: float) -> Floats:
    """`value3` at each of n x 3 points, with a frequency per axis."""
    out = np.empty(len(points), np.float32)
    for index in range(len(points)):
        p = points[index]
        out[index] = value3(p[0] * scale_x, p[1] * scale_y, p[2] * scale_z)
    return out
