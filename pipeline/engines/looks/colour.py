"""Colour grading: functions of n x 3 RGB values 0..1, baked into a 3D lookup table for pictures."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from pipeline.engines.looks.kernels import Bytes, Floats, apply_cube

POINTS = 33
"""Grid points of a lookup table along each axis."""
_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
"""Luma of R, G and B (BT.601)."""

Grade = Callable[[Floats], Floats]
Colour = tuple[float, float, float]


class Cube:
    """A grade baked into a 3D lookup table."""

    def __init__(self, grade: Grade) -> None:
        axis = np.linspace(0, 1, POINTS, dtype=np.float32)
        points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
        values = np.clip(np.nan_to_num(grade(points), nan=0.5), 0, 1)
        self._cube = np.asarray(np.rint(values * 255 * 256), np.int32).reshape(POINTS, POINTS, POINTS, 3)

    def __call__(self, picture: Bytes) -> Bytes:
        return apply_cube(self._cube, picture)


def luma(colours: Floats) -> Floats:
    """The luma of n x 3 colours, n x 1."""
    return np.asarray(colours @ _WEIGHTS, np.float32)[..., None]


def saturated(colours: Floats, gain: float) -> Floats:
    """Colours with more saturation; saturated ones gain less, and skin least, so that faces look natural."""
    grey, clear = luma(colours), np.clip(colours, 0, 1)
    chroma = clear.max(axis=1, keepdims=True) - clear.min(axis=1, keepdims=True)
    red, green, blue = clear[:, :1], clear[:, 1:2], clear[:, 2:]
    # Skin of every tone: red over green over blue, green about a third to two thirds of the way.
    between = np.where(chroma > 1e-3, (green - blue) / np.maximum(red - blue, 1e-3), 0)
    skin = np.where((red > green) & (green > blue), np.clip(1 - np.abs(between - 0.45) / 0.4, 0, 1), 0)
    more = (gain - 1) * (1 - 0.6 * chroma) * (1 - 0.75 * skin)
    return np.asarray(grey + (1 + more) * (colours - grey), np.float32)


def paled(colours: Floats, share: float) -> Floats:
    """Colours moved towards grey by a share."""
    return np.asarray(colours + share * (luma(colours) - colours), np.float32)


def curve(values: Floats, points: Sequence[tuple[float, float]]) -> Floats:
    """Values through a smooth, monotone tone curve (PCHIP)."""
    from scipy.interpolate import PchipInterpolator

    at, to = zip(*points, strict=True)
    return np.asarray(PchipInterpolator(at, to)(np.clip(values, 0, 1)), np.float32)


def toned(colours: Floats, shadows: Colour, lights: Colour, balance: float = 0.5) -> Floats:
    """Split toning: RGB offsets for shadows and lights, which leave the luma as it is."""
    light = np.clip(luma(colours), 0, 1)
    dark = (1 - light) ** (1 / max(balance, 0.05) - 0.5) * np.minimum(1, 4 * light + 0.35)
    push = dark * _without_luma(shadows) + light**1.2 * (1.1 - light) * 2 * _without_luma(lights)
    return np.asarray(colours + push, np.float32)


def lab(colours: Floats) -> Floats:
    """Lab values (L 0..100, a, b) of n x 3 RGB."""
    return np.asarray(cv2.cvtColor(np.clip(colours, 0, 1)[None].astype(np.float32), cv2.COLOR_RGB2Lab)[0])


def rgb(values: Floats) -> Floats:
    """RGB 0..1 of n x 3 Lab values."""
    return np.asarray(cv2.cvtColor(np.asarray(values, np.float32)[None], cv2.COLOR_Lab2RGB)[0])


def _without_luma(offset: Colour) -> Floats:
    """An RGB offset with its luma subtracted."""
    colour = np.array(offset, np.float32)
    return np.asarray(colour - colour @ _WEIGHTS, np.float32)
