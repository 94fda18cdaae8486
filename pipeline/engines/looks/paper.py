"""Paper grain: a fixed, tileable noise texture that lies still in the stable picture."""

from functools import lru_cache

import cv2
import numpy as np

from pipeline.engines.looks.kernels import Bytes
from pipeline.engines.looks.picture import Picture

_TILE_PX = 512
"""The side of the tile."""


def paper(picture: Picture, seed: int, grain_px: float) -> Bytes:
    """The grain under a picture, h x w, 0..255 around 128."""
    height, width = picture.matte.shape
    left, top = (at % _TILE_PX for at in picture.corner)
    sheet = _sheet(seed, round(grain_px * picture.unit, 2))
    down, right = -(-(top + height) // _TILE_PX), -(-(left + width) // _TILE_PX)
    return np.asarray(np.tile(sheet, (down, right))[top : top + height, left : left + width])


@lru_cache(maxsize=4)
def _sheet(seed: int, grain_px: float) -> Bytes:
    """One tile of grain: white noise through a difference of Gaussians."""
    noise = np.random.default_rng(seed).standard_normal((_TILE_PX, _TILE_PX)).astype(np.float32)
    around = np.pad(noise, 32, mode="wrap")
    soft = cv2.GaussianBlur(around, (0, 0), grain_px) - 0.6 * cv2.GaussianBlur(around, (0, 0), 3 * grain_px)
    sheet = soft[32:-32, 32:-32]
    return np.asarray(np.clip(np.rint(128 + sheet * (55 / sheet.std())), 0, 255), np.uint8)
