"""The clay look: texture is turned into relief, lit by a studio lamp."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.engines.looks.colour import Cube, curve, saturated
from pipeline.engines.looks.contrast import limited_contrast
from pipeline.engines.looks.grades import exposed
from pipeline.engines.looks.kernels import Bytes, Floats, relit
from pipeline.engines.looks.picture import Picture, blurred, brightness, bytes_of
from pipeline.engines.looks.relief import Relief, enlarged, rising
from pipeline.engines.looks.tone import Tone


class Clay:
    """A figure of modelling clay: matt colours, rounded forms; the seed puts the lamp on the left or the right."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._cube = Cube(lambda colours: _matt(tone, colours))
        self._side = -1.0 if seed % 2 == 0 else 1.0

    def __call__(self, picture: Picture) -> Bytes:
        lamp = Lamp(0.6 * self._side, -0.8)
        form = picture.painted(2.2)
        pressed = self._cube(picture.enlarged(bytes_of(form)))
        crease = cv2.convertScaleAbs(picture.contours(1.4, 5, 0.003, 0.06), alpha=-0.55, beta=255)
        shade = cv2.multiply(lamp.shade(picture, brightness(form)), crease, scale=1 / 255)
        light = enlarged((60 * lamp.sheen(picture, 0.6))[..., None] * np.array([1.0, 0.97, 0.92], np.float32))
        return limited_contrast(relit(pressed, shade, light, pressed, 0.7), picture, 0.50, 12)


@dataclass(frozen=True)
class Lamp:
    """A studio lamp in the direction (x, y), which shows the form of what it falls on."""

    x: float
    y: float

    def shade(self, picture: Picture, form: Floats) -> Bytes:
        """How light each pixel of a figure is, 128 is neutral; the edges of `form` (working size) are bevelled."""
        relief = Relief(picture)
        turned, folds = relief.turned(self.x, self.y), relief.folds(self.x, self.y)
        bevel = 0.5 + 0.24 * np.tanh(9 * rising(blurred(form, 1.5), self.x, self.y))
        return np.asarray(
            cv2.addWeighted(enlarged(128 + 34 * turned + 30 * folds), 1, picture.enlarged(bytes_of(bevel)), 1, -128)
        )

    def sheen(self, picture: Picture, above: float) -> Floats:
        """Highlights, 0..1 at a quarter of the size, where a figure faces the lamp by more than `above`."""
        relief = Relief(picture)
        facing = 0.6 * relief.turned(self.x, self.y) + 0.9 * relief.folds(self.x, self.y)
        return np.asarray(np.clip(facing - above, 0, 1), np.float32)


def _matt(tone: Tone, colours: Floats) -> Floats:
    """Colours of pigmented clay: pale, neither black nor white."""
    even = exposed(tone, colours, 0.3)
    soft = curve(saturated(even, 1.25), ((0, 0.17), (0.25, 0.38), (0.5, 0.63), (0.75, 0.80), (1, 0.91)))
    return np.asarray(soft * np.array([1.06, 0.99, 0.90], np.float32), np.float32)
