"""Props in the background, each flat at its depth: trees, lamps, benches, planters.

Each is a function of metres across and up from its foot, and returns lit colour and coverage.
"""

import math

from utils.walker.face import mixed
from utils.walker.houses import box
from utils.walker.kernel import kernel
from utils.walker.noise import hash3, step, value2

TREE, LAMP, BENCH, PLANTER = range(4)

PLACED = (
    (TREE, -8.6, 15.0, 1.0), (TREE, 7.9, 14.4, 1.08), (TREE, 13.5, 15.2, 0.95), (TREE, -14.6, 15.2, 1.1),
    (LAMP, 3.1, 13.6, 1.0), (LAMP, -4.4, 14.2, 1.0), (LAMP, -11.6, 14.2, 1.0), (LAMP, 10.6, 14.0, 1.0),
    (BENCH, -5.2, 11.6, 1.0), (BENCH, 5.6, 11.4, 1.0),
    (PLANTER, -3.25, 11.0, 1.0), (PLANTER, 7.3, 11.0, 1.1), (PLANTER, -7.2, 11.4, 1.1), (PLANTER, 2.1, 20.4, 1.0),
    (PLANTER, -1.6, 20.4, 1.0), (PLANTER, -6.4, 20.4, 1.0), (PLANTER, 7.2, 20.4, 1.0),
)  # fmt: skip
"""The props: kind, x and z of the foot in metres, scale."""


@kernel
def prop(kind: int, x: float, y: float, pixel_m: float, seed: int) -> tuple[float, float, float, float]:
    """Colour and coverage of a prop at a point of it."""
    soft = 0.6 * pixel_m
    if kind == TREE:
        return _tree(x, y, soft, seed)
    if kind == LAMP:
        return _lamp(x, y, soft)
    if kind == BENCH:
        return _bench(x, y, soft)
    return _planter(x, y, soft, seed)


@kernel
def extent(kind: int) -> tuple[float, float]:
    """Half the width, and the height, of a prop in metres."""
    if kind == TREE:
        return 3.0, 6.6
    if kind == LAMP:
        return 0.6, 4.3
    if kind == BENCH:
        return 1.1, 1.0
    return 0.75, 1.5


@kernel
def _tree(x: float, y: float, soft: float, seed: int) -> tuple[float, float, float, float]:
    """A tree: a crown of leaf clusters, bright towards the sun, over a forked trunk."""
    lump = 0.75 * value2(x * 1.1 + seed * 9, y * 1.1) + 0.45 * value2(x * 2.6, y * 2.6 + seed)
    leafy = 0.5 * value2(x * 7 + seed, y * 7) + 0.35 * value2(x * 17, y * 17 + seed)
    radius = math.hypot(x / 2.15, (y - 4.25) / 1.95)
    body = 1.0 - radius + 0.22 * lump + 0.20 * leafy
    hole = step(0.50, 0.72, value2(x * 3.3 + 4, y * 3.3 + seed * 2)) * step(0.55, 0.15, body)
    gaps = step(0.0, 0.12, body) * (1.0 - hole)
    sunny = 0.5 + 0.26 * x / 2.1 + 0.30 * (y - 4.2) / 1.9 + 0.30 * leafy
    sunny += 0.34 * value2(x * 2.6 + 0.35, y * 2.6 + seed + 0.35)
    sunny = min(1.25, max(0.0, sunny))
    colour = mixed((0.022, 0.060, 0.026), (0.46, 0.50, 0.09), sunny)
    trunk_x = x - 0.06 * math.sin(y * 1.7)
    half = 0.15 - 0.018 * y + 0.10 * step(0.35, 0.0, y)
    trunk = step(half + soft, half - soft, abs(trunk_x)) * step(4.2, 3.8, y)
    for side in (-1.0, 1.0):
        branch = step(0.07 + soft, 0.07 - soft, abs(x - side * (y - 2.3) * 0.55))
        trunk = max(trunk, branch * step(2.2, 2.4, y) * step(4.4, 3.9, y))
    grain = 0.8 + 0.3 * value2(x * 40, y * 5)
    lit = (0.25 + 1.0 * step(-0.10, 0.12, trunk_x)) * (1.0 - 0.5 * step(1.9, 2.6, y)) * grain
    bark = (0.26 * lit, 0.18 * lit, 0.125 * lit)
    colour = mixed(bark, colour, gaps)
    return colour[0], colour[1], colour[2], max(gaps, trunk)


@kernel
def _lamp(x: float, y: float, soft: float) -> tuple[float, float, float, float]:
    half = 0.045 + 0.05 * step(0.55, 0.45, y) + 0.03 * step(0.12, 0.08, y)
    pole = step(half + soft, half - soft, abs(x)) * step(3.45, 3.4, y)
    light = 0.035 + 0.16 * step(-half, half, x) * step(half * 1.6, half * 0.3, x)
    colour = (light, light * 1.05, light)
    across = abs(x) / (0.13 + 0.05 * step(3.45, 3.85, y))
    glass = step(1.0 + soft * 6, 1.0 - soft * 6, across) * box(x, y, -1.0, 3.45, 1.0, 3.85, soft)
    colour = mixed(colour, (1.5, 1.05, 0.52), glass)
    cap = step(1.0, 0.9, abs(x) / (0.24 * max(0.02, (4.05 - y) / 0.2))) * box(x, y, -1.0, 3.85, 1.0, 4.05, soft)
    cap = max(cap, box(x, y, -0.14, 3.40, 0.14, 3.46, soft))
    colour = mixed(colour, (0.05, 0.055, 0.05), cap)
    return colour[0], colour[1], colour[2], max(pole, max(glass, cap))


@kernel
def _bench(x: float, y: float, soft: float) -> tuple[float, float, float, float]:
    """A bench: wooden slats on iron legs."""
    wood, cover = 0.0, 0.0
    for slat in (0.44, 0.56, 0.67, 0.78):
        inside = box(x, y, -0.92, slat, 0.92, slat + (0.055 if slat < 0.5 else 0.085), soft)
        wood, cover = max(wood, inside), max(cover, inside)
    legs = step(0.035 + soft, 0.035 - soft, abs(abs(x) - 0.74)) * step(0.86, 0.84, y)
    grain = 0.8 + 0.3 * value2(x * 5, y * 60) + 0.2 * step(0.46, 0.52, y)
    colour = mixed((0.04, 0.04, 0.045), (0.62 * grain, 0.33 * grain, 0.14 * grain), wood)
    return colour[0], colour[1], colour[2], max(cover, legs)


@kernel
def _bloom(x: float, y: float, seed: int) -> float:
    """Coverage of blossoms: round spots at random positions in some of the unit cells."""
    i, j = math.floor(x), math.floor(y)
    if hash3(i, j, seed) < 0.55:
        return 0.0
    gap = math.hypot(x - i - 0.3 - 0.4 * hash3(i, j, seed + 1), y - j - 0.3 - 0.4 * hash3(i, j, seed + 2))
    return step(0.32, 0.20, gap)


@kernel
def _planter(x: float, y: float, soft: float, seed: int) -> tuple[float, float, float, float]:
    """A planter: a clay pot with a flowering bush."""
    half = 0.27 + 0.10 * y
    pot = step(half + soft, half - soft, abs(x)) * step(0.55 + soft, 0.55 - soft, y)
    rim = box(abs(x), y, -0.1, 0.47, half + 0.035, 0.56, soft)
    light = 0.35 + 0.85 * step(-0.35, 0.30, x) * (1.0 - 0.3 * step(0.22, 0.36, x)) + 0.1 * value2(x * 14, y * 14)
    light *= 1.0 - 0.3 * step(0.05, 0.0, abs(y - 0.45))
    colour = (0.60 * light, 0.27 * light, 0.15 * light)
    leaf = 0.6 * value2(x * 7 + seed * 5, y * 7) + 0.5 * value2(x * 17, y * 17 + seed)
    body = 1.0 - math.hypot(x / 0.56, (y - 0.90) / 0.46) + 0.30 * leaf
    bush = step(0.0, 0.12, body)
    sunny = min(1.2, max(0.0, 0.45 + 0.5 * x + 0.8 * (y - 0.9) + 0.45 * leaf))
    green = mixed((0.03, 0.075, 0.03), (0.36, 0.46, 0.12), sunny)
    bloom = _bloom(x * 11, y * 11, seed)
    petal = (0.85, 0.22, 0.30) if seed % 2 else (0.95, 0.78, 0.52)
    green = mixed(green, (petal[0] * (0.4 + sunny), petal[1] * (0.4 + sunny), petal[2] * (0.4 + sunny)), bloom)
    colour = mixed(colour, green, bush)
    return colour[0], colour[1], colour[2], max(max(pot, rim), bush)
