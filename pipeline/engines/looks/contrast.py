"""Limiting local contrast to a multiple of the source's, because a look that adds contrast also adds flicker."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.looks.kernels import Bytes, Floats, mixed
from pipeline.engines.looks.picture import Picture, blurred
from utils.image import Size

_AROUND = 1.0
"""Standard deviation of the neighbourhood of a pixel, in quarter-size pixels for a brush of 1."""


def limited_contrast(painted: Bytes, picture: Picture, most: float, free: float) -> Bytes:
    """A picture whose local contrast is reduced to `most` times that of the source where it has more.

    `free` is an amount of contrast, in levels of 255, that is always allowed, so that lines and texture on flat ground
    stay. Broad changes of light and colour are left alone.
    """
    sigma, half = _AROUND * picture.unit, _halved(painted)
    variance, of_source = _variance(half, sigma), _variance(_halved(picture.rgb), sigma)
    share = np.sqrt((most * most * of_source + free * free) / np.maximum(variance, 1))
    weight = np.rint(255 * np.minimum(share, 1)).astype(np.uint8)
    mean = cv2.GaussianBlur(_halved(half), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    size = Size.of(picture.matte)
    return mixed(cv2.resize(mean, size), painted, cv2.resize(weight, size))


def _variance(half: Bytes, sigma: float) -> Floats:
    """The local variance of luma in levels squared, at a quarter of the size, from a half-size picture."""
    light = np.asarray(cv2.cvtColor(half, cv2.COLOR_RGB2GRAY), np.float32)
    mean, square = cv2.split(blurred(_halved(cv2.merge([light, light * light])), sigma))
    return np.asarray(np.maximum(square - mean * mean, 0), np.float32)


def _halved(picture: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
