"""Printed looks, riso and comic: few inks on paper, with the screen of the press lying still."""

import cv2
import numpy as np

from pipeline.engines.looks.colour import Cube, curve, luma, saturated, toned
from pipeline.engines.looks.contrast import limited_contrast
from pipeline.engines.looks.drawn import contours_and_outline, softened
from pipeline.engines.looks.grades import exposed
from pipeline.engines.looks.kernels import Bytes, Floats
from pipeline.engines.looks.paper import paper, screen
from pipeline.engines.looks.picture import Picture, blurred, bytes_of, ramp
from pipeline.engines.looks.tone import Tone

_CREAM = (246, 240, 226)
_INKS = (
    ((0, 95, 160), (255, 92, 120)),
    ((0, 120, 105), (255, 130, 60)),
    ((80, 60, 150), (255, 190, 40)),
    ((40, 50, 60), (255, 80, 60)),
)
"""Pairs of a dark and a bright ink; the seed chooses one."""
_SCREEN = 0.17
"""How much of an ink the grain of the screen takes away or adds."""
_HARD = 5.0
"""How much steeper than the screen the edge of a dot is."""


class Riso:
    """A risograph print: two bright inks, one a little out of place, with the grain of the screen."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._seed = seed
        self._separation = Cube(lambda colours: _separated(tone, colours))
        self._inks = Cube(lambda covers: _overprinted(covers, _INKS[seed % len(_INKS)]))

    def __call__(self, picture: Picture) -> Bytes:
        covers = self._separation(picture.enlarged(bytes_of(picture.painted(1.2))))
        dark, bright, _ = cv2.split(covers)
        grain = paper(picture, self._seed, 0.8)
        aside = np.array([[1, 0, 1.6 * picture.unit], [0, 1, -1.0 * picture.unit]], np.float32)
        moved = cv2.warpAffine(bright, aside, bright.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        print_ = self._inks(cv2.merge([_grained(dark, grain), _grained(moved, cv2.bitwise_not(grain)), dark]))
        return limited_contrast(print_, picture, 0.30, 11)


class Comic:
    """A printed comic: bold flat colours, black lines, and dots in the shadows."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._cube = Cube(lambda colours: _process(tone, colours))
        light = tone.spread(np.linspace(0, 1, 256, dtype=np.float32), 0.7)
        self._dotted = np.asarray(np.rint(255 * np.clip(0.95 - 1.25 * light, 0, 0.85)), np.uint8)

    def __call__(self, picture: Picture) -> Bytes:
        flat = self._cube(picture.enlarged(bytes_of(picture.painted(2.2))))
        light = picture.enlarged(bytes_of(blurred(picture.light, 1.5 * picture.brush_px)))
        dots = cv2.addWeighted(cv2.LUT(light, self._dotted), _HARD, screen(picture), -_HARD, 128)
        lines = softened(cv2.max(*contours_and_outline(picture, 1.35, 6, 0.005, 0.045)))
        shadow = cv2.convertScaleAbs(softened(dots), alpha=-0.24, beta=255)
        keep = cv2.cvtColor(cv2.multiply(shadow, 255 - lines, scale=1 / 255), cv2.COLOR_GRAY2RGB)
        return limited_contrast(np.asarray(cv2.multiply(flat, keep, scale=1 / 255)), picture, 0.38, 17)


def _grained(cover: Bytes, grain: Bytes) -> Bytes:
    """The coverage of an ink, broken by the screen where it is neither bare nor full."""
    between = cv2.multiply(cover, 255 - cover, scale=4 / 255)
    broken = cv2.multiply(between, grain, scale=2 * _SCREEN / 255)
    return np.asarray(cv2.add(cv2.subtract(cover, cv2.convertScaleAbs(between, alpha=_SCREEN)), broken))


def _separated(tone: Tone, colours: Floats) -> Floats:
    """Coverages of the dark ink by darkness, and of the bright one by warmth and middle tones."""
    even = np.clip(exposed(tone, colours, 0.7), 0, 1)
    light = luma(even)
    warm = np.clip(2.2 * (even[:, :1] - even[:, 2:]), -0.5, 1)
    dark = 0.95 * ramp(-light, -0.70, -0.05)
    bright = np.clip(0.95 * ramp(-light, -0.86, -0.30) * (0.62 + 0.5 * warm) + 0.35 * np.maximum(warm, 0), 0, 1)
    return np.concatenate([dark, np.asarray(bright, np.float32), light], axis=1)


def _overprinted(covers: Floats, inks: tuple[tuple[int, int, int], tuple[int, int, int]]) -> Floats:
    """Cream paper under two transparent inks, whose coverages are columns 0 and 1."""
    sheet = np.array(_CREAM, np.float32) / 255
    for column, ink in enumerate(inks):
        sheet = sheet * (1 - covers[:, column : column + 1] * (1 - np.array(ink, np.float32) / 255))
    return np.asarray(sheet, np.float32)


def _process(tone: Tone, colours: Floats) -> Floats:
    """The grade of a comic: black, two flat shades and a light one of each hue, saturated, under warm light."""
    even = np.clip(exposed(tone, colours, 0.7), 0, 1)
    light = np.maximum(even.max(axis=1, keepdims=True), 1e-3)
    steps = ((0, 0.03), (0.14, 0.06), (0.26, 0.27), (0.40, 0.48), (0.52, 0.74), (0.68, 0.84), (0.78, 1.0), (1, 1.0))
    flat = saturated(even / light * curve(light, steps), 2.2)
    return toned(flat, (-0.03, -0.02, 0.09), (0.07, 0.04, -0.10))
