"""Palette transfer: a reference picture's colours, contrast and texture, carried over to a look's pictures in Lab.

All gains are limited, so that no reference, however odd, spoils a picture.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.looks.colour import Cube, Grade, lab, rgb
from pipeline.engines.looks.kernels import Bytes, Floats
from utils.image import Size

_LEVELS = np.linspace(2, 98, 25)
"""Percentiles of lightness that are matched."""
_LEAST_SPREAD = 5.0
"""Standard deviation in Lab that is assumed at least; the direction of a smaller spread means nothing."""
_LIGHT_GAIN = (0.4, 2.0)
_COLOUR_GAIN = (0.4, 2.0)
_TEXTURE_GAIN = (0.6, 1.4)
"""Limits of the slope of the lightness curve, of the stretch of colours, and of the gain of fine texture."""
_LEAST_TEXTURE = 2.0
"""Grey levels of texture that are assumed at least."""
_LONG_SIDE_PX = 640
"""Pictures are reduced to this size before textures are compared."""
_SAMPLES = 60_000
"""Pixels that are sampled of a picture."""


class Palette:
    """Maps the colours and texture of a look's pictures onto a reference's."""

    def __init__(self, painted: Sequence[Bytes], weights: Sequence[Bytes], reference: Bytes) -> None:
        small = _small(reference)
        colours = np.concatenate([_sampled(picture, weight) for picture, weight in zip(painted, weights, strict=True)])
        self._cube = Cube(_mapping(lab(colours), lab(_sampled(small, None))))
        self._texture = _texture_gain(painted, small)

    def __call__(self, picture: Bytes) -> Bytes:
        mapped = self._cube(picture)
        if abs(self._texture - 1) < 0.05:
            return mapped
        soft = cv2.GaussianBlur(mapped, (0, 0), 2)
        return np.asarray(cv2.addWeighted(mapped, self._texture, soft, 1 - self._texture, 0))


def _mapping(look: Floats, reference: Floats) -> Grade:
    """The grade from a look's Lab colours to a reference's: a monotone lightness curve, and a linear map of (a, b)."""
    at, to = _light_curve(look[:, 0], reference[:, 0])
    transform = _colour_transform(look[:, 1:], reference[:, 1:])
    centre = look[:, 1:].mean(axis=0)
    knots, tints = _tints(reference)

    def mapped(colours: Floats) -> Floats:
        values = lab(colours)
        light = np.interp(values[:, 0], at, to)
        tint = np.stack([np.interp(light, knots, tints[:, axis]) for axis in (0, 1)], axis=1)
        # Near black and white the gamut has no room for colour.
        room = np.clip(np.minimum(light, 100 - light) / 12, 0, 1)[:, None]
        colour = (values[:, 1:] - centre) @ transform.T + tint
        return rgb(np.concatenate([light[:, None], room * colour], axis=1).astype(np.float32))

    return mapped


def _light_curve(look: Floats, reference: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of a lightness curve with a limited slope, so that noise in flat pictures is not amplified.

    Part histogram matching, part range matching: by histogram alone, white paper that fills half of a drawing would
    become a middle grey.
    """
    levels, ranked = np.percentile(look, _LEVELS), np.percentile(reference, _LEVELS)
    share = (levels - levels[0]) / max(levels[-1] - levels[0], _LEAST_SPREAD)
    target = 0.4 * ranked + 0.6 * (ranked[0] + share * (ranked[-1] - ranked[0]))
    at = np.concatenate([[0.0], levels + np.arange(1, len(levels) + 1) * 1e-3, [100.1]])
    ends = np.concatenate([[min(target[0], at[0])], target, [max(target[-1], 100.0)]])
    widths = np.diff(at)
    slopes = np.clip(np.diff(ends) / widths, *_LIGHT_GAIN)
    slopes = np.convolve(np.pad(slopes, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    to = np.concatenate([[0.0], np.cumsum(slopes * widths)])
    to += (target - to[1:-1]).mean()
    return at, np.clip(to, 0, 100)


def _colour_transform(look: Floats, reference: Floats) -> NDArray[np.float64]:
    """The 2 x 2 optimal transport map (Monge-Kantorovich) of one covariance of (a, b) to another, with limited gain."""
    source, target = (np.cov(colours.T) + np.eye(2) * _LEAST_SPREAD**2 for colours in (look, reference))
    root = _power(source, 0.5)
    transport = _power(source, -0.5) @ _power(root @ target @ root, 0.5) @ _power(source, -0.5)
    values, vectors = np.linalg.eigh((transport + transport.T) / 2)
    limited: NDArray[np.float64] = (vectors * np.clip(values, *_COLOUR_GAIN)) @ vectors.T
    return limited


def _power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """A power of a symmetric matrix, by its eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    power: NDArray[np.float64] = (vectors * np.maximum(values, 1e-6) ** exponent) @ vectors.T
    return power


def _tints(reference: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Levels of lightness, and the reference's mean (a, b) at each, shrunk towards the mean of all."""
    centre = reference[:, 1:].mean(axis=0)
    knots = np.linspace(0, 100, 9)
    near = np.maximum(0, 1 - np.abs(reference[:, :1] - knots) / 15)
    lean = 0.02 * len(reference)
    tints = (near.T @ reference[:, 1:] + lean * centre) / (near.sum(axis=0)[:, None] + lean)
    return knots, tints


def _texture_gain(painted: Sequence[Bytes], reference: Bytes) -> float:
    """By how much fine detail is amplified to match the reference."""
    texture = float(np.mean([_texture(_small(picture)) for picture in painted]))
    return float(np.clip(_texture(reference) / texture, *_TEXTURE_GAIN))


def _texture(picture: Bytes) -> float:
    """The standard deviation of fine detail in grey levels, at least _LEAST_TEXTURE."""
    light = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = light - cv2.GaussianBlur(light, (0, 0), 2, borderType=cv2.BORDER_REPLICATE)
    return max(_LEAST_TEXTURE, float(fine.std()))


def _small(picture: Bytes) -> Bytes:
    """A picture reduced to the size at which textures are compared."""
    scale = _LONG_SIDE_PX / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return np.asarray(cv2.resize(picture, Size.of(picture).scaled(scale), interpolation=cv2.INTER_AREA))


def _sampled(picture: Bytes, weight: Bytes | None) -> Floats:
    """Evenly sampled colours of a picture where it is weighted, n x 3, 0..1; at least two."""
    colours = picture.reshape(-1, 3)
    if weight is not None and np.count_nonzero(weight > 127) >= 2:
        colours = picture[weight > 127]
    chosen = colours[:: max(1, len(colours) // _SAMPLES)]
    return np.asarray(np.concatenate([chosen, chosen[:1]]), np.float32) / 255
