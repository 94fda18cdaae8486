"""Graded looks, film, bleach and noir: colour and light change, texture stays."""

import cv2
import numpy as np

from pipeline.engines.looks.colour import Cube, curve, luma, paled, saturated, toned
from pipeline.engines.looks.contrast import limited_contrast
from pipeline.engines.looks.kernels import Bytes, Floats
from pipeline.engines.looks.picture import Picture, blurred
from pipeline.engines.looks.tone import Tone


class Film:
    """A print of negative film: deep colours, warm lights, cool shadows, and red halation around highlights."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._cube = Cube(lambda colours: _print(tone, colours))

    def __call__(self, picture: Picture) -> Bytes:
        print_ = limited_contrast(self._cube(picture.rgb), picture, 0.80, 12)
        return _haloed(print_, picture, (0.30, 0.09, 0.03), 0.72)


class Bleach:
    """Bleach bypass: hard contrast, pale and metallic colours."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._cube = Cube(lambda colours: _silver(tone, colours))

    def __call__(self, picture: Picture) -> Bytes:
        return limited_contrast(self._cube(picture.rgb), picture, 0.46, 9)


class Noir:
    """Black and white with deep shadows, bright skin and halation."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._cube = Cube(lambda colours: _black_and_white(tone, colours))

    def __call__(self, picture: Picture) -> Bytes:
        print_ = limited_contrast(self._cube(picture.rgb), picture, 0.55, 9)
        return _haloed(print_, picture, (0.16, 0.155, 0.15), 0.62)


def exposed(tone: Tone, colours: Floats, share: float) -> Floats:
    """Colours with the luma of the clip brought towards a standard exposure by a share; the hue stays."""
    light = np.maximum(luma(colours), 1e-3)
    return np.asarray(colours * (tone.spread(light, share) / light).clip(0.6, 1.7), np.float32)


def _print(tone: Tone, colours: Floats) -> Floats:
    """The grade of a film print: a curve for each channel, darker strong colours, split toning."""
    even = exposed(tone, colours, 0.45)
    red = curve(even[:, :1], ((0, 0.02), (0.22, 0.155), (0.5, 0.53), (0.78, 0.825), (1, 0.98)))
    green = curve(even[:, 1:2], ((0, 0.028), (0.22, 0.183), (0.5, 0.512), (0.78, 0.80), (1, 0.965)))
    blue = curve(even[:, 2:], ((0, 0.075), (0.22, 0.235), (0.5, 0.475), (0.78, 0.715), (1, 0.875)))
    dyed = np.concatenate([red, green, blue], axis=1)
    chroma = dyed.max(axis=1, keepdims=True) - dyed.min(axis=1, keepdims=True)
    deep = saturated(paled(dyed, 0.08), 1.3) * (1 - 0.12 * chroma)
    return toned(deep, (-0.125, 0.030, 0.108), (0.102, 0.021, -0.102))


def _silver(tone: Tone, colours: Floats) -> Floats:
    """The grade of a bleach bypass: the luma laid over the colours (overlay), hard curve, low saturation."""
    even = exposed(tone, colours, 0.3)
    light = luma(even)
    silver = np.where(light < 0.5, 2 * even * light, 1 - 2 * (1 - even) * (1 - light))
    hard = curve(
        0.72 * silver + 0.28 * even, ((0, 0.012), (0.25, 0.165), (0.5, 0.47), (0.75, 0.76), (0.9, 0.89), (1, 0.965))
    )
    return toned(paled(hard, 0.74), (-0.05, 0.012, 0.024), (0.0, 0.012, -0.004))


def _black_and_white(tone: Tone, colours: Floats) -> Floats:
    """The grade of a black and white print: channel mix, deep curve, faint split toning."""
    even = exposed(tone, colours, 0.6)
    grey = even @ np.array([[0.44], [0.46], [0.10]], np.float32)
    deep = curve(grey, ((0, 0.01), (0.2, 0.08), (0.45, 0.365), (0.7, 0.71), (0.88, 0.88), (1, 0.965)))
    return toned(np.repeat(deep, 3, axis=1), (-0.012, 0.0, 0.022), (0.018, 0.004, -0.02))


def _haloed(print_: Bytes, picture: Picture, colour: tuple[float, float, float], above: float) -> Bytes:
    """Halation: light above a threshold, blurred by a Gaussian and added in a colour."""
    glow = blurred(np.clip((picture.bright - above) / (1 - above), 0, 1), 1.5 * picture.unit)
    height, width = print_.shape[:2]
    spill = np.rint(glow[..., None] * np.array(colour, np.float32) * 255).astype(np.uint8)
    return np.asarray(cv2.add(print_, cv2.resize(spill, (width, height), interpolation=cv2.INTER_LINEAR)))
