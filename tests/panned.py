"""Clips of a textured plane that is seen to move by known steps: the whole picture goes the same way."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.write import ClipWriter, Encoding, Shape


def texture(size: Size, seed: int = 0) -> RGB:
    """Soft blobs of two sizes in every colour, which can be followed anywhere."""
    rng = np.random.default_rng(seed)
    layers = []
    for sigma, strength in ((2.0, 30.0), (9.0, 45.0)):
        noise = cv2.GaussianBlur(rng.normal(size=(*size[::-1], 3)).astype(np.float32), (0, 0), sigma)
        layers.append(strength * noise / noise.std())
    return np.asarray(np.clip(128 + sum(layers), 0, 255), np.uint8)


def panned(
    path: Path,
    size: Size,
    steps_px: Sequence[tuple[int, int]],
    *,
    rate: Fraction = Fraction(24),
    noise: float = 0.0,
    seed: int = 0,
) -> Clip:
    """A clip whose surfaces move by these steps (right, down) from frame to frame, in whole pixels."""
    places = np.cumsum([(0, 0), *steps_px], axis=0)
    low, high = places.min(axis=0), places.max(axis=0)
    plane = texture(Size(*(int(side + most - least) for side, least, most in zip(size, low, high, strict=True))), seed)
    rng = np.random.default_rng(seed + 1)
    with ClipWriter(path, Shape.steady(size, rate), Encoding(crf=4)) as writer:
        for index, place in enumerate(places):
            left, top = (int(side) for side in high - place)
            picture = plane[top : top + size.height_px, left : left + size.width_px].astype(np.float32)
            grainy = picture + noise * rng.normal(size=picture.shape) if noise else picture
            writer.write(np.clip(np.rint(grainy), 0, 255).astype(np.uint8), index, 1)
    return probe(path)
