"""The clay look: texture is turned into relief, lit by a studio lamp."""

import cv2
import numpy as np

from pipeline.engines.looks.colour import Cube, curve, paled
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
        x, y = 0.6 * self._side, -0.8
        form = picture.painted(2.2)
        pressed = self._cube(picture.enlarged(bytes_of(form)))
        crease = cv2.convertScaleAbs(picture.contours(1.4, 5, 0.003, 0.06), alpha=-0.55, beta=255)
        relief = Relief(picture)
        turned, folds = relief.turned(x, y), relief.folds(x, y)
        bevel = picture.enlarged(bytes_of(0.5 + 0.24 * np.tanh(9 * rising(blurred(brightness(form), 1.5), x, y))))
        round_ = cv2.addWeighted(enlarged(128 + 34 * turned + 30 * folds), 1, bevel, 1, -128)
        sheen = np.clip(0.6 * turned + 0.9 * folds - 0.6, 0, 1)
        light = enlarged((60 * sheen)[..., None] * np.array([1.0, 0.97, 0.92], np.float32))
        figure = relit(pressed, cv2.multiply(round_, crease, scale=1 / 255), light, pressed, 0.7)
        return limited_contrast(figure, picture, 0.75, 14)


def _matt(tone: Tone, colours: Floats) -> Floats:
    """Colours of pigmented clay: pale, neither black nor white."""
    even = exposed(tone, colours, 0.35)
    soft = curve(paled(even, 0.12), ((0, 0.11), (0.25, 0.30), (0.5, 0.56), (0.75, 0.75), (1, 0.90)))
    return np.asarray(soft * np.array([1.02, 1.0, 0.97], np.float32), np.float32)
