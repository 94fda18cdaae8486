"""Seasons, autumn and winter: leaves and grass take the season's colour, and everything its light."""

import numpy as np

from pipeline.engines.looks.colour import Cube, curve, lab, paled, rgb, toned
from pipeline.engines.looks.contrast import limited_contrast
from pipeline.engines.looks.grades import exposed
from pipeline.engines.looks.kernels import Bytes, Floats, relit
from pipeline.engines.looks.picture import Picture, ramp
from pipeline.engines.looks.relief import Relief, enlarged
from pipeline.engines.looks.tone import Tone

_SNOW = (250.0, 252.0, 255.0)


class Autumn:
    """Greens turn to rust and gold, under a low amber sun."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._cube = Cube(lambda colours: _turning(tone, colours))

    def __call__(self, picture: Picture) -> Bytes:
        return limited_contrast(self._cube(picture.rgb), picture, 0.80, 12)


class Winter:
    """Frost on everything green, snow on what faces up, and cold light."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._cube = Cube(lambda colours: _frosted(tone, colours))

    def __call__(self, picture: Picture) -> Bytes:
        relief = Relief(picture)
        lying = np.clip(0.8 * relief.rim(0.0, -1.0) + 0.9 * np.clip(relief.folds(0.0, -1.0) - 0.25, 0, 1), 0, 1)
        light = enlarged((0.6 * lying)[..., None] * np.array(_SNOW, np.float32))
        neutral = np.full(picture.matte.shape, 128, np.uint8)
        return limited_contrast(relit(self._cube(picture.rgb), neutral, light, picture.rgb, 0.8), picture, 0.56, 11)


def _foliage(values: Floats) -> Floats:
    """How much Lab colours, n x 3, are those of leaves and grass, n x 1."""
    hue = np.degrees(np.arctan2(values[:, 2:], values[:, 1:2]))
    chroma = np.hypot(values[:, 1:2], values[:, 2:])
    return np.asarray(ramp(chroma, 6, 22) * ramp(hue, 84, 104) * ramp(-hue, -172, -150), np.float32)


def _turning(tone: Tone, colours: Floats) -> Floats:
    """The grade of autumn: greens by their hue and light to gold, orange and rust; the rest is warm and faded."""
    even = exposed(tone, colours, 0.4)
    values = lab(even)
    leaves = _foliage(values)
    chroma = np.hypot(values[:, 1:2], values[:, 2:])
    hue = np.radians(44 + 26 * ramp(values[:, :1], 25, 75))
    fallen = np.concatenate([values[:, :1] + 3, *(1.35 * chroma * turn(hue) for turn in (np.cos, np.sin))], axis=1)
    warm = toned(paled(even, 0.35) * np.array([1.07, 0.985, 0.84], np.float32), (0.05, 0.0, -0.03), (0.05, 0.01, -0.06))
    soft = curve(warm, ((0, 0.05), (0.25, 0.24), (0.5, 0.51), (0.8, 0.82), (1, 0.965)))
    return np.asarray(soft + leaves * (rgb(fallen) - soft), np.float32)


def _frosted(tone: Tone, colours: Floats) -> Floats:
    """The grade of winter: greens become white, the rest pale, bright and blue in the shadows."""
    even = exposed(tone, colours, 0.4)
    values = lab(even)
    frost = _foliage(values)
    white = rgb(np.concatenate([np.clip(38 + 0.85 * values[:, :1], 0, 98), np.full_like(values[:, 1:], -2.0)], axis=1))
    pale = curve(paled(even, 0.55), ((0, 0.06), (0.25, 0.30), (0.5, 0.60), (0.75, 0.83), (1, 0.985)))
    cold = toned(pale * np.array([0.94, 0.995, 1.07], np.float32), (-0.05, 0.005, 0.09), (-0.01, 0.0, 0.02))
    return np.asarray(cold + frost * (white - cold), np.float32)
