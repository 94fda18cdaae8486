"""Local contrast held to the source's: what a look makes harder, it makes harder in motion too."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.looks.kernels import Bytes, Floats, mixed
from pipeline.engines.looks.picture import Picture, blurred

_AROUND = 1.0
"""How far around a pixel its contrast is looked at, in quarter-size pixels for a brush of 1."""


def held(made: Bytes, picture: Picture, most: float, free: float) -> Bytes:
    """The same where it has less local contrast than `most` times the source; drawn together to that where it has more.

    `free` are levels of contrast (0..255) that it may have anyway, so that lines and texture on flat ground stay.
    Broad changes of light and colour stay as they are made.
    """
    sigma, half = _AROUND * picture.unit, _halved(made)
    varies, varied = _variance(half, sigma), _variance(_halved(picture.rgb), sigma)
    share = np.sqrt((most * most * varied + free * free) / np.maximum(varies, 1))
    weight = np.rint(255 * np.minimum(share, 1)).astype(np.uint8)
    mean = cv2.GaussianBlur(_halved(half), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    size = picture.matte.shape[::-1]
    return mixed(cv2.resize(mean, size), made, cv2.resize(weight, size))


def _variance(half: Bytes, sigma: float) -> Floats:
    """At a quarter of the size, from half of it: how brightness varies around each pixel, in levels squared."""
    light = np.asarray(cv2.cvtColor(half, cv2.COLOR_RGB2GRAY), np.float32)
    mean, square = cv2.split(blurred(_halved(cv2.merge([light, light * light])), sigma))
    return np.asarray(np.maximum(square - mean * mean, 0), np.float32)


def _halved(picture: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
