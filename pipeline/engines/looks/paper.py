"""Textures with a place of their own, grain, veins, grid and screen: tiles that lie still in the stable picture."""

from functools import lru_cache

import cv2
import numpy as np

from pipeline.engines.looks.kernels import Bytes, Floats
from pipeline.engines.looks.picture import Picture

_TILE_PX = 512
"""The side of the tile."""
_SLAB_PX = 1024
"""The same of a slab of stone, which is seen to repeat sooner."""
_GRID_PX, _COARSE_UNIT = 32, 1.3
"""The distance of ruled lines, half as much for persons below this brush size."""


def paper(picture: Picture, seed: int, grain_px: float) -> Bytes:
    """The grain under a picture, h x w, 0..255 around 128."""
    return _laid(_sheet(seed, round(grain_px * picture.unit, 2)), picture)


def veins(picture: Picture, seed: int) -> Bytes:
    """The veins of the stone under a picture, h x w, 0..255."""
    return _laid(_stone(seed, round(picture.unit, 2)), picture)


def grid(picture: Picture) -> Bytes:
    """The ruled lines under a picture, h x w, 0..255: every fourth is strong."""
    return _laid(_ruled(_GRID_PX // 2 if picture.unit < _COARSE_UNIT else _GRID_PX), picture)


def screen(picture: Picture) -> Bytes:
    """The halftone screen under a picture, h x w, 0..255: how dark it must be for a dot to reach a pixel."""
    return _laid(_halftone(2 * round(3.3 * picture.unit)), picture)


def _laid(sheet: Bytes, picture: Picture) -> Bytes:
    """A tile repeated under a picture, where the stable picture has it."""
    height, width = picture.matte.shape
    left, top = (at % len(sheet) for at in picture.corner)
    down, right = -(-(top + height) // len(sheet)), -(-(left + width) // len(sheet))
    return np.asarray(np.tile(sheet, (down, right))[top : top + height, left : left + width])


@lru_cache(maxsize=4)
def _sheet(seed: int, grain_px: float) -> Bytes:
    """One tile of grain: white noise through a difference of Gaussians."""
    noise = np.random.default_rng(seed).standard_normal((_TILE_PX, _TILE_PX)).astype(np.float32)
    around = np.pad(noise, 32, mode="wrap")
    soft = cv2.GaussianBlur(around, (0, 0), grain_px) - 0.6 * cv2.GaussianBlur(around, (0, 0), 3 * grain_px)
    sheet = soft[32:-32, 32:-32]
    return np.asarray(np.clip(np.rint(128 + sheet * (55 / sheet.std())), 0, 255), np.uint8)


@lru_cache(maxsize=2)
def _ruled(step_px: int) -> Bytes:
    """One tile of ruled lines, a power of two apart, so that they go on in the next one."""
    line = np.zeros(_TILE_PX, np.uint8)
    line[::step_px] = 120
    line[:: 4 * step_px] = 255
    return np.maximum(line[:, None], line[None, :])


@lru_cache(maxsize=2)
def _halftone(step_px: int) -> Bytes:
    """One tile of a screen of 45 degrees."""
    y, x = np.mgrid[: 32 * step_px, : 32 * step_px] * (2 * np.pi / step_px)
    return np.asarray(np.rint(127.5 - 63.75 * (np.cos(x + y) + np.cos(x - y))), np.uint8)


@lru_cache(maxsize=4)
def _stone(seed: int, unit: float) -> Bytes:
    """One tile of veins: where noise crosses zero; they run down, and fade in and out."""
    rng = np.random.default_rng(seed)
    layers = [_broad(rng, x * unit, y * unit) for x, y in ((24, 60), (6, 9), (40, 40))]
    height = layers[0] + 0.22 * layers[1]
    vein = np.exp(-14 * np.abs(height)) + 0.35 * np.exp(-3 * np.abs(height))
    return np.asarray(np.rint(190 * vein * np.clip(0.5 + 0.7 * layers[2], 0, 1)), np.uint8)


def _broad(rng: np.random.Generator, x_px: float, y_px: float) -> Floats:
    """A tile of noise blurred by so much in x and y, with mean 0 and standard deviation 1."""
    small = rng.standard_normal((_SLAB_PX // 4, _SLAB_PX // 4)).astype(np.float32)
    around = cv2.GaussianBlur(np.tile(small, (3, 3)), (0, 0), x_px / 4, sigmaY=y_px / 4)
    one = around[_SLAB_PX // 4 - 1 : 2 * (_SLAB_PX // 4) + 1, _SLAB_PX // 4 - 1 : 2 * (_SLAB_PX // 4) + 1]
    wide = cv2.resize(one, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)[4:-4, 4:-4]
    return np.asarray((wide - wide.mean()) / wide.std(), np.float32)
