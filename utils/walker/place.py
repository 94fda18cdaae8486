"""The background: a square with a row of houses, rendered once, larger than what any frame of the shot sees.

It is a picture of the stable camera and serves as the clean plate; a homography warps it into any frame.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from utils.walker import houses, paving, props
from utils.walker.face import mixed
from utils.walker.kernel import Bytes, Doubles, kernel
from utils.walker.light import GROUND_LIGHT, SKY_LIGHT, SUN_LIGHT, SUN_X, SUN_Y, SUN_Z, toned
from utils.walker.noise import cloud2, step, value2
from utils.walker.shot import EYE_M, Lens

ROW_M = 24.0
"""Distance from the camera to the houses."""
_HAZE = (0.95, 0.76, 0.55)
_SHADES = ((-4.9, 6.3), (5.6, 7.4), (-9.0, 9.5))
"""Positions (x, z in metres) of shadows of trees outside the picture, away from the walk."""
_BAND_ROWS = 32


@dataclass(frozen=True)
class Place:
    """The background picture (h x w x 3); its first pixel lies at (`left`, `top`) of the stable picture."""

    image: Bytes
    left: int
    top: int

    def __post_init__(self) -> None:
        assert self.image.ndim == 3 and self.image.shape[2] == 3

    @property
    def from_stable(self) -> Doubles:
        """Homography (3 x 3) from the stable picture to this one."""
        return np.array([[1.0, 0, -self.left], [0, 1.0, -self.top], [0, 0, 1.0]])


def painted(lens: Lens, box: tuple[int, int, int, int]) -> Place:
    """Render the background inside the box (left, top, right, bottom) of the stable picture."""
    left, top, right, bottom = box
    image = np.empty((bottom - top + 1, right - left + 1, 3), np.uint8)
    things = np.array(props.PLACED)
    things = things[np.argsort(things[:, 2])]

    def band(start: int) -> None:
        rows = image[start : start + _BAND_ROWS]
        _paint(rows, left, top + start, lens.focal_px, *lens.centre_px, things)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(band, range(0, len(image), _BAND_ROWS)))
    return Place(image, left, top)


@kernel
def _paint(image: Bytes, left: int, top: int, focal: float, u0: float, v0: float, things: Doubles) -> None:
    """Render pixels with four rays each."""
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            red, green, blue = 0.0, 0.0, 0.0
            for sample in range(4):
                u = left + column + (0.375 if sample % 2 else -0.125) - (0.25 if sample > 1 else 0.0)
                v = top + row + (0.375 if sample > 1 else -0.125) - (0.25 if sample % 2 == 0 else 0.0)
                colour = _ray((u - u0) / focal, (v0 - v) / focal, 1.0 / focal, things)
                red, green, blue = red + toned(colour[0]), green + toned(colour[1]), blue + toned(colour[2])
            image[row, column, 0] = int(red / 4 + 0.5)
            image[row, column, 1] = int(green / 4 + 0.5)
            image[row, column, 2] = int(blue / 4 + 0.5)


@kernel
def _ray(x: float, y: float, pixel: float, things: Doubles) -> tuple[float, float, float]:
    """Light along the ray (x, y, 1) from the camera: props from near to far, then ground, houses or sky."""
    red, green, blue, through = 0.0, 0.0, 0.0, 1.0
    floor_z = EYE_M / -y if y < 0 else 1e9
    for index in range(len(things)):
        kind, foot, z, scale = int(things[index, 0]), things[index, 1], things[index, 2], things[index, 3]
        across, up = (x * z - foot) / scale, (y * z + EYE_M) / scale
        half, height = props.extent(kind)
        if up < 0 or up > height or abs(across) > half:
            continue
        r, g, b, cover = props.prop(kind, across, up, pixel * z / scale, index)
        cover *= through
        hazed = _hazed((r * 1.75, g * 1.5, b * 1.2), z)
        red, green, blue = red + cover * hazed[0], green + cover * hazed[1], blue + cover * hazed[2]
        through -= cover
        if through < 0.01:
            return red, green, blue
    far = _floor(x * floor_z, floor_z, pixel, things) if floor_z < ROW_M else _far(x, y, pixel)
    return red + through * far[0], green + through * far[1], blue + through * far[2]


@kernel
def _hazed(colour: tuple[float, float, float], z: float) -> tuple[float, float, float]:
    """A colour at a depth, with haze."""
    return mixed(colour, _HAZE, 1.0 - math.exp(-0.0042 * max(0.0, z - 4.0)))


@kernel
def _far(x: float, y: float, pixel: float) -> tuple[float, float, float]:
    """Colour of the houses, or of the evening sky above them."""
    r, g, b, cover = houses.row(x * ROW_M + 1.9, y * ROW_M + EYE_M, pixel * ROW_M)
    low = step(0.55, 0.05, y)
    cloud = step(-0.05, 0.55, cloud2(x * 5 + 2, y * 13, 4)) * (0.5 + 0.5 * step(0.02, 0.2, y))
    sky = mixed((0.26, 0.50, 0.88), (1.25, 0.98, 0.70), low * low)
    sky = mixed(sky, (1.50, 1.22, 0.96), 0.75 * cloud)
    lit = (r * 1.50, g * 1.24, b * 0.98)
    return mixed(sky, _hazed(lit, ROW_M), cover)


@kernel
def _floor(x: float, z: float, pixel: float, things: Doubles) -> tuple[float, float, float]:
    """Colour of the ground, in the sun and in the shadow of the props."""
    albedo = paving.ground(x, z, pixel * z, pixel * z * z / EYE_M)
    sun = SUN_Y * (1.0 - _shadow(x, z, things))
    near = 1.0 - 0.45 * step(1.2, 0.0, ROW_M - z)
    for index in range(len(things)):
        wide = 0.25 if int(things[index, 0]) == props.LAMP else 0.55
        gap = math.hypot((x - things[index, 1]) / 1.3, (z - things[index, 2]) * 0.9) / (wide * things[index, 3])
        near *= 1.0 - 0.55 * step(1.0, 0.2, gap)
    r = albedo[0] * (SUN_LIGHT[0] * sun + SKY_LIGHT[0] * near)
    g = albedo[1] * (SUN_LIGHT[1] * sun + SKY_LIGHT[1] * near)
    b = albedo[2] * (SUN_LIGHT[2] * sun + SKY_LIGHT[2] * near)
    glow = 0.5 * GROUND_LIGHT[0] * 0.1
    return _hazed((r + glow * albedo[0], g + glow * albedo[1], b), z)


@kernel
def _shadow(x: float, z: float, things: Doubles) -> float:
    """Share of sunlight (0..1) that props and trees block at a point of the ground."""
    dark = 0.0
    for index in range(len(things)):
        kind, foot_x, foot_z, scale = int(things[index, 0]), things[index, 1], things[index, 2], things[index, 3]
        along = ((z - foot_z) / -SUN_Z) * SUN_Y
        aside = (x - foot_x) + along * SUN_X / SUN_Y
        height = along / scale
        if kind == props.TREE:
            crown = 1.0 - math.hypot(aside / (2.3 * scale), (height - 4.2) / 2.1)
            leaf = 0.55 * value2(x * 2.2, z * 2.2) + 0.35 * value2(x * 5.1, z * 5.1 + 3)
            dark = max(dark, 0.92 * step(-0.05, 0.30, crown + 0.38 * leaf))
            dark = max(dark, 0.9 * step(0.22, 0.10, abs(aside)) * step(0.0, 0.1, height) * step(3.0, 2.5, height))
        elif kind == props.LAMP:
            post = step(0.09 + 0.03 * height, 0.03, abs(aside)) * step(0.0, 0.1, height)
            dark = max(dark, 0.8 * post * step(4.0, 3.6, height))
        else:
            wide, tall = (1.0, 0.85) if kind == props.BENCH else (0.48, 1.25)
            body = step(wide, wide - 0.12, abs(aside) / scale) * step(-0.15, 0.0, height)
            dark = max(dark, 0.88 * body * step(tall, tall - 0.2, height))
    for x0, z0 in _SHADES:
        leaf = 0.55 * value2(x * 1.9, z * 1.9) + 0.4 * value2(x * 4.7, z * 4.7 + 3)
        crown = 1.0 - math.hypot((x - x0) / 2.6, (z - z0) / 2.2)
        dark = max(dark, 0.85 * step(-0.05, 0.35, crown + 0.42 * leaf))
    return dark
