"""Limiting local contrast to a multiple of the source's, because a look that adds contrast also adds flicker."""

import cv2
import numpy as np

from pipeline.engines.looks.kernels import Bytes, contrast_share, mixed, moments
from pipeline.engines.looks.picture import Picture, blurred
from utils.image import Size

_AROUND = 1.0
"""Standard deviation of the neighbourhood of a pixel, in quarter-size pixels for a brush of 1."""


def limited_contrast(painted: Bytes, picture: Picture, most: float, free: float) -> Bytes:
    """A picture whose local contrast is reduced to `most` times that of the source where it has more.

    `free` is an amount of contrast, in levels of 255, that is always allowed, so that lines and texture on flat ground
    stay. Broad changes of light and colour are left alone.
    """
    sigma = _AROUND * picture.unit
    here, of_source = (blurred(moments(_halved(each)), sigma) for each in (painted, picture.rgb))
    mean, share = contrast_share(here, of_source, most, free)
    size = Size.of(picture.matte)
    return mixed(cv2.resize(mean, size), painted, cv2.resize(share, size))


def _halved(picture: Bytes) -> Bytes:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
