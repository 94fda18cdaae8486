"""Painted looks, oil and watercolour: strokes follow the picture's own edges, so they move as the person moves."""

import cv2
import numpy as np

from pipeline.engines.looks.colour import Cube, curve, saturated, toned
from pipeline.engines.looks.contrast import limited_contrast
from pipeline.engines.looks.drawn import softened
from pipeline.engines.looks.grades import exposed
from pipeline.engines.looks.kernels import Bytes, Floats, smoothed_along
from pipeline.engines.looks.paper import paper
from pipeline.engines.looks.picture import Picture, blurred, brightness, bytes_of
from pipeline.engines.looks.relief import rising
from pipeline.engines.looks.tone import Tone


class Paint:
    """Oil paint: broad strokes with bristle marks, lit as relief."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._cube = Cube(lambda colours: _oil(tone, colours))
        self._seed = seed

    def __call__(self, picture: Picture) -> Bytes:
        strokes = picture.painted(4.0)
        light = brightness(strokes)
        fine, grain = (_combed(picture, each) for each in (picture.light - light, 0.35 * self._canvas(picture)))
        catch = np.clip(1.6 * rising(blurred(_ridges(light) + 2.0 * grain, 0.7), 0.6, 0.8), -0.08, 0.08)
        body = cv2.add(strokes, cv2.merge([fine + grain + catch] * 3))
        oil = self._cube(picture.enlarged(bytes_of(np.asarray(body, np.float32))))
        return limited_contrast(oil, picture, 0.54, 14)

    def _canvas(self, picture: Picture) -> Floats:
        """Grain of about -0.2..0.2 at working size, which becomes bristle marks when smoothed along edges."""
        step = picture.shrink
        grain = paper(picture, self._seed, 1.0)[::step, ::step]
        return np.asarray((np.asarray(grain, np.float32) - 128) * np.float32(0.25 / 128), np.float32)


class Watercolour:
    """Watercolour: transparent washes on white paper, darker at their edges."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._cube = Cube(lambda colours: _wash(tone, colours))
        self._seed = seed

    def __call__(self, picture: Picture) -> Bytes:
        wash = picture.painted(2.8)
        light = brightness(wash)
        pool = np.clip(blurred(light, 2.2 * picture.brush_px) - blurred(light, 0.8), 0, 0.12)
        darker = cv2.subtract(wash, cv2.merge([np.asarray(1.5 * pool, np.float32)] * 3))
        washed = self._cube(picture.enlarged(bytes_of(np.asarray(darker, np.float32))))
        line = cv2.convertScaleAbs(softened(picture.contours(1.2, 4, 0.004, 0.05)), alpha=-0.55, beta=255)
        grain = cv2.convertScaleAbs(paper(picture, self._seed, 1.5), alpha=0.11, beta=241)
        keep = cv2.multiply(line, grain, scale=1 / 255)
        sheet = np.asarray(cv2.multiply(washed, cv2.cvtColor(keep, cv2.COLOR_GRAY2RGB), scale=1 / 255))
        return limited_contrast(sheet, picture, 0.70, 14)


def _combed(picture: Picture, field: Floats) -> Floats:
    """A field drawn out along edges, as bristles do it."""
    return smoothed_along(np.asarray(field, np.float32), picture.tangent, 7 * picture.brush_px, picture.near)


def _ridges(light: Floats) -> Floats:
    """Paint that is piled up where strokes end. Were brightness itself the height, its light would move every edge."""
    gx, gy = (cv2.Sobel(light, cv2.CV_32F, *axis, ksize=3, scale=1 / 4) for axis in ((1, 0), (0, 1)))
    return np.asarray(cv2.magnitude(gx, gy), np.float32)


def _oil(tone: Tone, colours: Floats) -> Floats:
    """The grade of oil paint: saturated, with more contrast, and split toning."""
    even = exposed(tone, colours, 0.55)
    rich = saturated(even, 1.55)
    deep = curve(rich, ((0, 0.035), (0.25, 0.20), (0.5, 0.545), (0.75, 0.83), (1, 0.975)))
    return toned(deep, (-0.045, -0.03, 0.11), (0.062, 0.022, -0.088))


def _wash(tone: Tone, colours: Floats) -> Floats:
    """The grade of a wash: lifted towards the white of paper, saturated, never black."""
    even = exposed(tone, colours, 0.3)
    clear = saturated(even, 1.45)
    lifted = curve(clear, ((0, 0.14), (0.25, 0.42), (0.5, 0.715), (0.72, 0.91), (1, 1)))
    return toned(lifted, (-0.03, -0.01, 0.06), (0.015, 0.006, -0.02))
