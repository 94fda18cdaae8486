"""Relit looks, golden, dusk and neon: light from beside and behind the person, brightest at the edge."""

import cv2
import numpy as np

from pipeline.engines.looks.colour import Cube, curve, paled, toned
from pipeline.engines.looks.contrast import limited_contrast
from pipeline.engines.looks.grades import exposed
from pipeline.engines.looks.kernels import Bytes, Floats, relit
from pipeline.engines.looks.picture import Picture, blurred, ramp
from pipeline.engines.looks.relief import Relief, enlarged
from pipeline.engines.looks.tone import Tone

_SUN = (255.0, 196.0, 120.0)
_AFTERGLOW, _LAMP = (255.0, 120.0, 150.0), (255.0, 170.0, 90.0)
_SIGNS = (
    ((255.0, 40.0, 150.0), (30.0, 190.0, 255.0)),
    ((255.0, 110.0, 30.0), (40.0, 120.0, 255.0)),
    ((150.0, 70.0, 255.0), (40.0, 255.0, 190.0)),
    ((255.0, 50.0, 60.0), (255.0, 190.0, 70.0)),
)
"""Pairs of colours that shine from the left and from the right; the seed chooses one."""


class Golden:
    """The last hour of sun: a warm low light, from the left or the right by the seed."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._side = -1.0 if seed % 2 == 0 else 1.0
        self._cube = Cube(lambda colours: _sunny(tone, colours))

    def __call__(self, picture: Picture) -> Bytes:
        relief = Relief(picture)
        rim = relief.rim(0.9 * self._side, -0.45)
        shade = 128 + 20 * relief.turned(0.9 * self._side, -0.3) + 12 * relief.folds(0.9 * self._side, -0.3)
        haze = _bloom(picture, 0.60, 9.0) * 0.30
        light = enlarged((1.0 * rim + haze)[..., None] * np.array(_SUN, np.float32))
        sunlit = relit(self._cube(picture.rgb), enlarged(shade), light, picture.rgb, 0.35)
        return limited_contrast(sunlit, picture, 0.64, 12)


class Dusk:
    """The hour after sunset: blue shadows, and a rose sky that is reflected from the left or the right by the seed."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._side = -1.0 if seed % 2 == 0 else 1.0
        self._cube = Cube(lambda colours: _evening(tone, colours))

    def __call__(self, picture: Picture) -> Bytes:
        relief = Relief(picture)
        x, y = 0.8 * self._side, -0.5
        shade = 128 + 22 * relief.turned(x, y) + 14 * relief.folds(x, y)
        sky = 0.55 * relief.rim(x, y) + 0.16 * np.clip(relief.turned(x, y), 0, 1)
        light = sky[..., None] * np.array(_AFTERGLOW, np.float32)
        light += _bloom(picture, 0.66, 7.0)[..., None] * (0.4 * np.array(_LAMP, np.float32))
        evening = relit(self._cube(picture.rgb), enlarged(shade), enlarged(light), picture.rgb, 0.4)
        return limited_contrast(evening, picture, 0.75, 13)


class Neon:
    """Night in a city: dark and blue, with a coloured neon sign on each side."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._signs = np.array(_SIGNS[seed % len(_SIGNS)], np.float32)
        self._cube = Cube(lambda colours: _night(tone, colours))

    def __call__(self, picture: Picture) -> Bytes:
        relief = Relief(picture)
        sides = [self._shine(relief, side) for side in (-1.0, 1.0)]
        light = sides[0][..., None] * self._signs[0] + sides[1][..., None] * self._signs[1]
        light += _bloom(picture, 0.72, 6.0)[..., None] * (0.25 * self._signs.mean(axis=0))
        shade = 128 + 34 * relief.folds(0.0, -1.0)
        night = relit(self._cube(picture.rgb), enlarged(shade), enlarged(light), picture.rgb, 0.25)
        return limited_contrast(night, picture, 0.75, 14)

    @staticmethod
    def _shine(relief: Relief, side: float) -> Floats:
        """The light of one sign: a bright rim, and a wide soft glow that follows the folds."""
        wide = np.clip(relief.turned(side, -0.15) + 0.35 * relief.folds(side, -0.15), 0, 1)
        return np.asarray(0.95 * relief.rim(side, -0.25) + 0.28 * wide * wide, np.float32)


def _sunny(tone: Tone, colours: Floats) -> Floats:
    even = exposed(tone, colours, 0.3)
    warm = even * np.array([1.09, 0.985, 0.81], np.float32)
    soft = curve(warm, ((0, 0.055), (0.25, 0.25), (0.5, 0.505), (0.8, 0.83), (1, 0.975)))
    return toned(soft, (0.025, -0.01, 0.015), (0.045, 0.012, -0.05))


def _evening(tone: Tone, colours: Floats) -> Floats:
    even = exposed(tone, colours, 0.4)
    dark = curve(paled(even, 0.3), ((0, 0.015), (0.25, 0.125), (0.5, 0.30), (0.75, 0.53), (1, 0.86)))
    blue = dark * np.array([0.80, 0.92, 1.22], np.float32)
    return toned(blue, (-0.02, 0.0, 0.06), (0.07, -0.02, 0.0))


def _night(tone: Tone, colours: Floats) -> Floats:
    even = exposed(tone, colours, 0.4)
    pale = paled(even, 0.55)
    dark = curve(pale, ((0, 0.008), (0.3, 0.062), (0.6, 0.20), (0.85, 0.36), (1, 0.62)))
    moon = dark * np.array([0.70, 0.92, 1.38], np.float32)
    return np.asarray(moon + np.array([0.006, 0.010, 0.028], np.float32), np.float32)


def _bloom(picture: Picture, above: float, sigma_px: float) -> Floats:
    """Bloom at a quarter of the size: light above a threshold, blurred by a wide Gaussian."""
    glow = blurred(ramp(picture.bright, above, 1.0), sigma_px * picture.unit / 2)
    return np.asarray(cv2.resize(glow, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR))
