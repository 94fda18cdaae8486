"""Drawn looks, ink, charcoal, blueprint and cel: lines follow edges, strong where these are, and taper."""

import cv2
import numpy as np

from pipeline.engines.looks.colour import Cube, curve, saturated, toned
from pipeline.engines.looks.contrast import limited_contrast
from pipeline.engines.looks.grades import exposed
from pipeline.engines.looks.kernels import Bytes, Floats, smoothed_along
from pipeline.engines.looks.paper import grid, paper
from pipeline.engines.looks.picture import Picture, blurred, bytes_of, ramp
from pipeline.engines.looks.tone import Tone

_LEVELS = np.linspace(0, 1, 256, dtype=np.float32)
"""The 256 levels of a channel, 0..1, from which lookup tables are made."""
_INK, _PAPER = (30, 32, 40), (242, 237, 227)
_COAL, _TONED_PAPER = (34, 30, 30), (232, 216, 190)
_BLUE, _CHALK = (14, 46, 108), (226, 238, 248)


class Ink:
    """Ink on paper: brush lines, black areas, two grey washes."""

    def __init__(self, tone: Tone, seed: int) -> None:
        light, self._seed = tone.spread(_LEVELS, 0.6), seed
        washes = 0.14 * ramp(-light, -0.76, -0.60) + 0.26 * ramp(-light, -0.48, -0.35)
        self._washes = _levels(np.maximum(washes, 0.94 * ramp(-light, -0.25, -0.14)))
        self._colours = _sheet(_PAPER, _INK)

    def __call__(self, picture: Picture) -> Bytes:
        light = picture.enlarged(bytes_of(blurred(picture.light, 0.9 * picture.brush_px)))
        lines, outline = contours_and_outline(picture, 1.25, 6, 0.005, 0.050)
        cover = softened(_over(cv2.LUT(light, self._washes), lines))
        sheet = _printed(cover, self._colours, paper(picture, self._seed, 1.4), 0.03)
        return limited_contrast(_traced(sheet, outline, 0.7), picture, 0.45, 14)


class Charcoal:
    """Charcoal: rubbed tones and soft strokes on toned paper."""

    def __init__(self, tone: Tone, seed: int) -> None:
        light, self._seed = tone.spread(_LEVELS, 0.9), seed
        self._rubbed = _levels(0.97 * np.clip((0.80 - light) / 0.72, 0, 1) ** 1.35)
        self._colours = _sheet(_TONED_PAPER, _COAL)

    def __call__(self, picture: Picture) -> Bytes:
        rough = 1.8 * picture.light - 0.8 * blurred(picture.light, 2.4 * picture.brush_px)
        strokes = smoothed_along(np.asarray(rough, np.float32), picture.tangent, 5 * picture.brush_px, picture.near)
        tone = cv2.LUT(picture.enlarged(bytes_of(strokes)), self._rubbed)
        line = cv2.convertScaleAbs(picture.contours(1.6, 6, 0.002, 0.06), alpha=0.75)
        sheet = _printed(softened(_over(tone, line)), self._colours, paper(picture, self._seed, 1.1), 0.08)
        return limited_contrast(sheet, picture, 0.50, 14)


class Cel:
    """Cel animation: flat posterized colours, one soft shadow tone, clean outlines."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._cube = Cube(lambda colours: _flat(tone, colours))

    def __call__(self, picture: Picture) -> Bytes:
        flat = self._cube(picture.enlarged(bytes_of(picture.painted(2.0))))
        lines, outline = contours_and_outline(picture, 1.15, 5, 0.006, 0.045)
        traced = _traced(_traced(flat, lines, 0.9), outline, 0.9)
        return limited_contrast(traced, picture, 0.62, 22)


class Blueprint:
    """White lines on blue paper, with the grid that plans are drawn on."""

    def __init__(self, tone: Tone, seed: int) -> None:
        light, self._seed = tone.spread(_LEVELS, 0.7), seed
        self._washes = _levels(0.04 + 0.14 * ramp(light, 0.26, 0.40) + 0.18 * ramp(light, 0.58, 0.74))
        self._colours = _sheet(_BLUE, _CHALK)

    def __call__(self, picture: Picture) -> Bytes:
        light = picture.enlarged(bytes_of(blurred(picture.light, 0.9 * picture.brush_px)))
        lines, outline = contours_and_outline(picture, 1.0, 6, 0.004, 0.040)
        drawn = _over(cv2.LUT(light, self._washes), cv2.convertScaleAbs(_over(lines, outline), alpha=0.95))
        ruled = softened(_over(drawn, cv2.convertScaleAbs(grid(picture), alpha=0.16)))
        sheet = _printed(ruled, self._colours, paper(picture, self._seed, 1.4), 0.06)
        return limited_contrast(sheet, picture, 0.85, 24)


def contours_and_outline(picture: Picture, width: float, reach: float, low: float, high: float) -> tuple[Bytes, Bytes]:
    """Contours of the picture and the outline of the person, 0..255 each; near the outline there are no contours."""
    soft = cv2.GaussianBlur(picture.matte, (0, 0), 1.8 * picture.unit, borderType=cv2.BORDER_REPLICATE)
    outline = np.asarray(cv2.multiply(cv2.LUT(soft, _RIM), picture.matte, scale=1 / 255))
    side = round(7 * picture.unit) | 1
    near = cv2.blur(cv2.dilate(outline, np.ones((side, side), np.uint8)), (side, side))
    lines = cv2.multiply(picture.contours(width, reach, low, high), 255 - near, scale=1 / 255)
    return np.asarray(lines), outline


def softened(cover: Bytes) -> Bytes:
    """Lines blurred as much as a lens would, so that they do not alias when they move."""
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), 0.6, borderType=cv2.BORDER_REPLICATE))


def _flat(tone: Tone, colours: Floats) -> Floats:
    """Posterized brightness with soft steps; the hue stays, the saturation grows."""
    even = np.clip(exposed(tone, colours, 0.6), 0, 1)
    light = np.maximum(even.max(axis=1, keepdims=True), 1e-3)
    steps = (
        (0, 0.08), (0.12, 0.14), (0.20, 0.21), (0.32, 0.45), (0.46, 0.52), (0.57, 0.76), (0.70, 0.81), (0.82, 0.97),
        (1, 0.99),
    )  # fmt: skip
    return toned(saturated(even / light * curve(light, steps), 1.9), (-0.01, -0.02, 0.06), (0.055, 0.015, -0.065))


def _traced(picture: Bytes, lines: Bytes, depth: float) -> Bytes:
    """A picture darkened along lines (h x w, 0..255), at most to 1 - `depth` of it."""
    keep = cv2.convertScaleAbs(softened(lines), alpha=-depth, beta=255)
    return np.asarray(cv2.multiply(picture, cv2.cvtColor(keep, cv2.COLOR_GRAY2RGB), scale=1 / 255))


def _over(below: Bytes, above: Bytes) -> Bytes:
    """The coverage, 0..255, of two inks over one another."""
    return np.asarray(255 - cv2.multiply(255 - below, 255 - above, scale=1 / 255))


def _printed(cover: Bytes, colours: Bytes, tooth: Bytes, depth: float) -> Bytes:
    """Ink coverage as colours, modulated by the paper's grain where the paper is neither bare nor full."""
    between = cv2.LUT(cover, _HALF)
    broken = cv2.multiply(between, tooth, scale=2 * depth / 255)
    level = cv2.add(cv2.subtract(cover, cv2.convertScaleAbs(between, alpha=depth)), broken)
    return np.asarray(cv2.LUT(cv2.cvtColor(level, cv2.COLOR_GRAY2RGB), colours))


def _sheet(bare: tuple[int, int, int], full: tuple[int, int, int]) -> Bytes:
    """A lookup table of 256 colours from bare paper to full ink."""
    ends = np.array([bare, full], np.float32)
    return np.asarray(np.rint(ends[0] + _LEVELS[:, None] * (ends[1] - ends[0])), np.uint8)[None]


def _levels(cover: Floats) -> Bytes:
    """Coverage 0..1 as bytes."""
    return np.asarray(np.rint(255 * np.clip(cover, 0, 1)), np.uint8)


_HALF = _levels(4 * _LEVELS * (1 - _LEVELS))
"""Lookup table of how far a level is from both bare and full: 1 in the middle, 0 at both ends."""
_RIM = _levels(1 - ramp(_LEVELS, 0.80, 0.97))
"""Lookup table from the blurred matte to the outline."""
