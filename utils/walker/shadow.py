"""Shadow of a figure on the ground: a long soft sun shadow, and contact shadow under the feet."""

from dataclasses import dataclass

import cv2
import numpy as np

from utils.walker.kernel import Bytes, Doubles, Floats, kernel
from utils.walker.light import SUN_X, SUN_Y, SUN_Z

_CELL_M = 0.015
_BOX_M = (-2.3, 0.75, -0.75, 2.2)
"""Extent of the shadow map around the figure's middle: left, right, near and far."""
_KEPT = (0.50, 0.57, 0.69)
"""Share of red, green and blue that remains in full shadow."""


@dataclass(frozen=True)
class Cast:
    """Ground map (rows x columns x 2) of sun shadow and contact shadow, 0..1, with the position of its first cell."""

    dark: Floats
    x_m: float
    z_m: float

    def __post_init__(self) -> None:
        assert self.dark.ndim == 3 and self.dark.shape[2] == 2

    @property
    def to_ground(self) -> Doubles:
        """Matrix (3 x 3) from (column, row, 1) to ground coordinates (x, z, 1) in metres."""
        return np.array([[_CELL_M, 0, self.x_m], [0, _CELL_M, self.z_m], [0, 0, 1]])


def cast(points: Floats, middle: Doubles) -> Cast:
    """Shadow map of a posed figure around `middle`."""
    left, right, near, far = _BOX_M
    shape = int((far - near) / _CELL_M), int((right - left) / _CELL_M)
    x, z = float(middle[0]) + left, float(middle[2]) + near
    bands, close = np.zeros((3, *shape), np.float32), np.zeros(shape, np.float32)
    _drop(points, x, z, bands, close)
    lit = np.ones(shape, np.float32)
    for band, blur in zip(bands, (0.9, 2.0, 3.6), strict=True):
        lit *= 1 - cv2.GaussianBlur(band, (0, 0), blur)
    touch = np.maximum(cv2.GaussianBlur(close, (0, 0), 1.6) * 1.15, cv2.GaussianBlur(close, (0, 0), 5.0) * 1.5)
    body = cv2.GaussianBlur(close, (0, 0), 17) * 1.6
    return Cast(np.stack([1 - lit, np.clip(np.maximum(touch, body), 0, 1)], -1), x, z)


@kernel
def _drop(points: Floats, x_m: float, z_m: float, bands: Floats, close: Floats) -> None:
    """Mark the cells that each vertex shades, and those that it is close above."""
    rows, columns = close.shape
    for index in range(len(points)):
        x, y, z = points[index]
        column = int((x - y * (SUN_X / SUN_Y) - x_m) / _CELL_M)
        row = int((z - y * (SUN_Z / SUN_Y) - z_m) / _CELL_M)
        band = 0 if y < 0.15 else (1 if y < 0.65 else 2)
        if 0 <= row < rows - 1 and 0 <= column < columns - 1:
            bands[band, row : row + 2, column : column + 2] = 1.0
        column, row = int((x - x_m) / _CELL_M), int((z - z_m) / _CELL_M)
        if y < 0.16 and 0 <= row < rows - 1 and 0 <= column < columns - 1:
            near = max(0.0, 1.0 - max(0.0, y) / 0.16) ** 2
            close[row, column] = max(close[row, column], near)
            close[row, column + 1] = max(close[row, column + 1], near)


def laid(cast: Cast, ground: Doubles, image: Bytes, shadow: Bytes) -> None:
    """Darken a picture, whose ground is given by a 3 x 3 from (x, z, 1), and note how dark it got (h x w)."""
    matrix = ground @ cast.to_ground
    rows, columns = cast.dark.shape[:2]
    corners = np.array([[0, 0, 1], [columns, 0, 1], [0, rows, 1], [columns, rows, 1]], float) @ matrix.T
    corners = corners[:, :2] / corners[:, 2:]
    height, width = image.shape[:2]
    left, top = (max(0, int(v)) for v in corners.min(0))
    right, bottom = min(width, int(corners[:, 0].max()) + 2), min(height, int(corners[:, 1].max()) + 2)
    if right <= left or bottom <= top:
        return
    move = np.array([[1.0, 0, -left], [0, 1.0, -top], [0, 0, 1.0]]) @ matrix
    dark = cv2.warpPerspective(cast.dark, move, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    _darken(image[top:bottom, left:right], shadow[top:bottom, left:right], dark)


@kernel
def _darken(image: Bytes, shadow: Bytes, dark: Floats) -> None:
    for row in range(dark.shape[0]):
        for column in range(dark.shape[1]):
            sun, touch = dark[row, column, 0], dark[row, column, 1]
            if sun + touch < 0.004:
                continue
            kept = 1.0
            for channel in range(3):
                kept = (1.0 - sun * (1.0 - _KEPT[channel])) * (1.0 - 0.62 * touch)
                image[row, column, channel] = int(image[row, column, channel] * kept + 0.5)
            shadow[row, column] = max(shadow[row, column], int((1.0 - kept) * 255 + 0.5))
