"""A reference's colours, contrast and texture, carried over to whatever a look has made; robust on every picture."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.looks.colour import Cube, Grade, lab, rgb
from pipeline.engines.looks.kernels import Bytes, Floats

_LEVELS = np.linspace(2, 98, 25)
_LEAST_SPREAD = 5.0
"""Lab: what varies by less is taken to vary by this much, for its direction means nothing."""
_LIGHT_GAIN = (0.4, 2.0)
_COLOUR_GAIN = (0.4, 2.0)
_TEXTURE_GAIN = (0.6, 1.4)
_LEAST_TEXTURE = 2.0
_LONG_SIDE_PX = 640
_SAMPLES = 60_000


class Palette:
    """Maps a look's own colours onto a reference's."""

    def __init__(self, made: Sequence[Bytes], weights: Sequence[Bytes], reference: Bytes) -> None:
        small = _small(reference)
        mine = np.concatenate([_drawn(picture, weight) for picture, weight in zip(made, weights, strict=True)])
        self._cube = Cube(_mapping(lab(mine), lab(_drawn(small, None))))
        self._texture = _texture_gain(made, small)

    def __call__(self, picture: Bytes) -> Bytes:
        mapped = self._cube(picture)
        if abs(self._texture - 1) < 0.05:
            return mapped
        soft = cv2.GaussianBlur(mapped, (0, 0), 2)
        return np.asarray(cv2.addWeighted(mapped, self._texture, soft, 1 - self._texture, 0))


def _mapping(mine: Floats, theirs: Floats) -> Grade:
    """From my colours to theirs: brightness by a monotone curve, colour by the nearest linear map, tinted by light."""
    at, to = _light_curve(mine[:, 0], theirs[:, 0])
    turn = _colour_turn(mine[:, 1:], theirs[:, 1:])
    centre = mine[:, 1:].mean(axis=0)
    knots, tints = _tints(theirs)

    def mapped(colours: Floats) -> Floats:
        values = lab(colours)
        light = np.interp(values[:, 0], at, to)
        tint = np.stack([np.interp(light, knots, tints[:, axis]) for axis in (0, 1)], axis=1)
        # Neither black nor white can hold a colour.
        room = np.clip(np.minimum(light, 100 - light) / 12, 0, 1)[:, None]
        colour = (values[:, 1:] - centre) @ turn.T + tint
        return rgb(np.concatenate([light[:, None], room * colour], axis=1).astype(np.float32))

    return mapped


def _light_curve(mine: Floats, theirs: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level to level, its slope kept within reason, so that flat pictures stay calm.

    Half by rank, half by range: by rank alone, white paper that fills half of a drawing would become a middle grey.
    """
    levels, ranked = np.percentile(mine, _LEVELS), np.percentile(theirs, _LEVELS)
    share = (levels - levels[0]) / max(levels[-1] - levels[0], _LEAST_SPREAD)
    wanted = 0.4 * ranked + 0.6 * (ranked[0] + share * (ranked[-1] - ranked[0]))
    at = np.concatenate([[0.0], levels + np.arange(1, len(levels) + 1) * 1e-3, [100.1]])
    want = np.concatenate([[min(wanted[0], at[0])], wanted, [max(wanted[-1], 100.0)]])
    widths = np.diff(at)
    slopes = np.clip(np.diff(want) / widths, *_LIGHT_GAIN)
    slopes = np.convolve(np.pad(slopes, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    to = np.concatenate([[0.0], np.cumsum(slopes * widths)])
    to += (wanted - to[1:-1]).mean()
    return at, np.clip(to, 0, 100)


def _colour_turn(mine: Floats, theirs: Floats) -> NDArray[np.float64]:
    """2 x 2: the least turn and stretch that gives my spread of colours theirs."""
    ours, other = (np.cov(each.T) + np.eye(2) * _LEAST_SPREAD**2 for each in (mine, theirs))
    root = _power(ours, 0.5)
    turn = _power(ours, -0.5) @ _power(root @ other @ root, 0.5) @ _power(ours, -0.5)
    values, vectors = np.linalg.eigh((turn + turn.T) / 2)
    turned: NDArray[np.float64] = (vectors * np.clip(values, *_COLOUR_GAIN)) @ vectors.T
    return turned


def _power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    power: NDArray[np.float64] = (vectors * np.maximum(values, 1e-6) ** exponent) @ vectors.T
    return power


def _tints(theirs: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Levels of light, and the mean colour (a, b) at each, leaning to the mean of all."""
    centre = theirs[:, 1:].mean(axis=0)
    knots = np.linspace(0, 100, 9)
    near = np.maximum(0, 1 - np.abs(theirs[:, :1] - knots) / 15)
    lean = 0.02 * len(theirs)
    tints = (near.T @ theirs[:, 1:] + lean * centre) / (near.sum(axis=0)[:, None] + lean)
    return knots, tints


def _texture_gain(made: Sequence[Bytes], reference: Bytes) -> float:
    mine = float(np.mean([_texture(_small(picture)) for picture in made]))
    return float(np.clip(_texture(reference) / mine, *_TEXTURE_GAIN))


def _texture(picture: Bytes) -> float:
    """Grey levels that fine detail varies by, at least a little."""
    light = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = light - cv2.GaussianBlur(light, (0, 0), 2, borderType=cv2.BORDER_REPLICATE)
    return max(_LEAST_TEXTURE, float(fine.std()))


def _small(picture: Bytes) -> Bytes:
    """Of a size at which textures of different pictures compare."""
    scale = _LONG_SIDE_PX / max(picture.shape[:2])
    if scale >= 1:
        return picture
    width, height = (max(1, round(side * scale)) for side in picture.shape[1::-1])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))


def _drawn(picture: Bytes, weight: Bytes | None) -> Floats:
    """n x 3, 0..1: pixels evenly from all of the picture; at least two."""
    colours = picture.reshape(-1, 3)
    if weight is not None and np.count_nonzero(weight > 127) >= 2:
        colours = picture[weight > 127]
    chosen = colours[:: max(1, len(colours) // _SAMPLES)]
    return np.asarray(np.concatenate([chosen, chosen[:1]]), np.float32) / 255
