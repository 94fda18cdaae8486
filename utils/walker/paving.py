"""Texture of the ground: stone slabs, a band of setts, and a lane in front of the houses."""

import math

from utils.walker.face import mixed
from utils.walker.kernel import kernel
from utils.walker.noise import cloud2, hash3, step, value2

LANE_M, LANE_END_M = 15.5, 21.0
"""Distance of the lane's edges from the camera, metres."""


@kernel
def ground(x: float, z: float, pixel_m: float, deep_m: float) -> tuple[float, float, float]:
    """Albedo at a point of the ground; a pixel covers `pixel_m` across and `deep_m` in depth."""
    if LANE_M < z < LANE_END_M:
        return _cobbles(x, z, pixel_m, deep_m)
    if abs(z - LANE_M + 0.15) < 0.15 or abs(z - LANE_END_M - 0.15) < 0.15:
        block = 0.85 + 0.3 * hash3(math.floor(x / 0.9), 5, 5)
        return 0.36 * block, 0.33 * block, 0.29 * block
    colour = _slabs(x, z, pixel_m, deep_m)
    band = step(0.28 + pixel_m, 0.28 - pixel_m, abs(abs(x) - 3.25)) * step(LANE_M, LANE_M - 0.2, z)
    return mixed(colour, _setts(x, z, pixel_m, deep_m), band)


@kernel
def _grid(
    x: float, z: float, wide_m: float, long_m: float, gap_m: float, pixel_m: float, deep_m: float
) -> tuple[float, float, float]:
    """Running bond of stones: a random number per stone, the share of joint in a pixel, and the bevel of the edge."""
    course = math.floor(z / long_m)
    across = x / wide_m + 0.37 * course
    stone = hash3(math.floor(across), int(course), 11)
    side = (0.5 - abs(across - math.floor(across) - 0.5)) * wide_m
    end = (0.5 - abs(z / long_m - course - 0.5)) * long_m
    joint_x = min(1.0, gap_m / max(gap_m, pixel_m)) * step(gap_m + 0.7 * pixel_m, 0.3 * gap_m, side)
    joint_z = min(1.0, gap_m / max(gap_m, deep_m)) * step(gap_m + 0.7 * deep_m, 0.3 * gap_m, end)
    return stone, max(joint_x, joint_z), step(0.05, 0.0, min(side, end))


@kernel
def _slabs(x: float, z: float, pixel_m: float, deep_m: float) -> tuple[float, float, float]:
    stone, joint, edge = _grid(x, z, 0.80, 0.53, 0.010, pixel_m, deep_m)
    fine = step(0.03, 0.008, deep_m)
    grain = 0.10 * value2(x * 95, z * 95) * fine + 0.10 * value2(x * 33, z * 33) + 0.09 * cloud2(x * 4, z * 4, 3)
    stain = 0.16 * cloud2(x * 0.55 + 3, z * 0.55, 3)
    level = (0.82 + 0.30 * stone + grain + stain) * (1.0 - 0.10 * edge)
    warm = hash3(int(stone * 9999), 3, 3)
    colour = mixed((0.315 * level, 0.262 * level, 0.205 * level), (0.275 * level, 0.262 * level, 0.245 * level), warm)
    spot = step(0.80, 0.90, value2(x * 7.0, z * 7.0 + 31)) * 0.35
    dark = (1.0 - 0.60 * joint) * (1.0 - spot)
    return colour[0] * dark, colour[1] * dark, colour[2] * dark


@kernel
def _setts(x: float, z: float, pixel_m: float, deep_m: float) -> tuple[float, float, float]:
    stone, joint, edge = _grid(x, z, 0.14, 0.14, 0.012, pixel_m, deep_m)
    level = (0.65 + 0.55 * stone + 0.15 * value2(x * 50, z * 50)) * (1.0 - 0.3 * edge) * (1.0 - 0.6 * joint)
    return 0.15 * level, 0.135 * level, 0.12 * level


@kernel
def _cobbles(x: float, z: float, pixel_m: float, deep_m: float) -> tuple[float, float, float]:
    stone, joint, edge = _grid(x, z, 0.24, 0.20, 0.02, pixel_m, deep_m)
    level = (0.6 + 0.6 * stone + 0.25 * cloud2(x * 0.8, z * 0.8, 3)) * (1.0 - 0.25 * edge) * (1.0 - 0.5 * joint)
    return 0.165 * level, 0.15 * level, 0.14 * level
