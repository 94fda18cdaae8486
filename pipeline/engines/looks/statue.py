"""Statues, bronze and marble: one material for everything, its form shown by light alone."""

import cv2
import numpy as np

from pipeline.engines.looks.clay import Lamp
from pipeline.engines.looks.colour import Cube
from pipeline.engines.looks.contrast import limited_contrast
from pipeline.engines.looks.kernels import Bytes, Floats, relit
from pipeline.engines.looks.paper import veins
from pipeline.engines.looks.picture import Picture, blurred, brightness, bytes_of
from pipeline.engines.looks.relief import enlarged
from pipeline.engines.looks.tone import Tone

_AROUND = 11.0
"""Standard deviation of the neighbourhood whose brightness is taken for that of the cloth, in px for a brush of 1."""
_METAL = ((14, 9, 8), (44, 27, 19), (98, 60, 32), (176, 122, 66), (255, 226, 172))
_PATINA = (70, 132, 116)
_STONE = ((58, 55, 59), (132, 128, 127), (190, 186, 181), (217, 214, 208), (240, 238, 233))


class Bronze:
    """Cast bronze with patina in its hollows; the seed puts the lamp on the left or the right."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._lamp = Lamp(-0.6 if seed % 2 == 0 else 0.6, -0.8)
        self._cube = Cube(_alloy)

    def __call__(self, picture: Picture) -> Bytes:
        form = _form(picture, 0.55, 1.35)
        hollow = np.clip(7 * (blurred(form, 3.5 * picture.brush_px) - form), 0, 1)
        cast = self._cube(picture.enlarged(bytes_of(cv2.merge([form, np.asarray(hollow, np.float32), form]))))
        sheen = enlarged((150 * self._lamp.sheen(picture, 0.36))[..., None] * np.array([1, 0.86, 0.62], np.float32))
        figure = relit(cast, self._lamp.shade(picture, form), sheen, cast, 0.6)
        return limited_contrast(figure, picture, 0.85, 18)


class Marble:
    """White marble with grey veins; the seed gives other veins, and puts the lamp on the left or the right."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._lamp, self._seed = Lamp(-0.6 if seed % 2 == 0 else 0.6, -0.8), seed
        self._cube = Cube(lambda levels: _between(levels[:, 0], _STONE))

    def __call__(self, picture: Picture) -> Bytes:
        form = blurred(_form(picture, 0.42, 0.95), 0.8 * picture.brush_px)
        stone = self._cube(picture.enlarged(bytes_of(cv2.merge([form] * 3))))
        vein = cv2.convertScaleAbs(veins(picture, self._seed), alpha=-0.16, beta=128)
        soft = cv2.convertScaleAbs(self._lamp.shade(picture, form), alpha=0.6, beta=0.4 * 128)
        shade = cv2.multiply(soft, vein, scale=1 / 128)
        sheen = enlarged((70 * self._lamp.sheen(picture, 0.5))[..., None] * np.ones(3, np.float32))
        return limited_contrast(relit(stone, shade, sheen, stone, 0.7), picture, 0.55, 10)


def _form(picture: Picture, evened: float, contrast: float) -> Floats:
    """The luma of the smoothed picture as that of one material: what all of a neighbourhood shares is taken away."""
    light = brightness(picture.painted(1.6))
    shown = np.asarray(picture.near > 0, np.float32)
    wide = _AROUND * picture.unit / picture.shrink**0.5
    around = blurred(light * shown, wide) / np.maximum(blurred(shown, wide), np.float32(0.02))
    return np.asarray(np.clip(0.5 + contrast * (light - evened * around - (1 - evened) * 0.5), 0, 1), np.float32)


def _alloy(levels: Floats) -> Floats:
    """Colours of bronze for light and hollowness, columns 0 and 1."""
    metal, hollow = _between(levels[:, 0], _METAL), 0.62 * levels[:, 1:2]
    green = np.array(_PATINA, np.float32) / 255 * (0.45 + 0.8 * levels[:, :1])
    return np.asarray(metal + hollow * (green - metal), np.float32)


def _between(light: Floats, colours: tuple[tuple[int, int, int], ...]) -> Floats:
    """Colours n x 3, 0..1, evenly spaced from dark to bright."""
    at = np.linspace(0, 1, len(colours))
    columns = [np.interp(light, at, channel) for channel in np.array(colours, np.float32).T / 255]
    return np.asarray(np.stack(columns, axis=1), np.float32)
