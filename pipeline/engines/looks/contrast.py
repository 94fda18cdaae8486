"""Limiting local contrast to a multiple of the source's, because a look that adds contrast also adds flicker."""

import cv2
import numpy as np

from pipeline.engines.looks.kernels import Bytes, contrast_share, mixed, moments
from pipeline.engines.looks.picture import Picture, blurred
from utils.image import Size

_AROUND, _WIDELY = 1.0, 4.0
"""Standard deviations of the neighbourhoods of a pixel, in quarter-size pixels for a brush of 1: of detail, and of
things beside each other, such as an arm before a body."""
_MOST_WIDELY, _FREE_WIDELY = 1.3, 11.0
"""The most that any look may make of the contrast between things beside each other, and what is free beside that."""


def limited_contrast(painted: Bytes, picture: Picture, most: float, free: float) -> Bytes:
    """A picture whose local contrast is reduced to `most` times that of the source where it has more.

    `free` is an amount of contrast, in levels of 255, that is always allowed, so that lines and texture on flat ground
    stay. Broad changes of light and colour are left alone.
    """
    return _limited(painted, picture, _AROUND, most, free)


def limited_widely(painted: Bytes, picture: Picture) -> Bytes:
    """A picture in whose contrast between things beside each other hardly more changes as they move than in its source.

    It is limited as detail is, but in a wider neighbourhood and far less.
    """
    return _limited(painted, picture, _WIDELY, _MOST_WIDELY, _FREE_WIDELY)


def _limited(painted: Bytes, picture: Picture, around: float, most: float, free: float) -> Bytes:
    sigma = around * picture.unit
    here, of_source = (blurred(moments(_halved(each)), sigma) for each in (painted, picture.rgb))
    mean, share = contrast_share(here, of_source, most, free)
    size = Size.of(picture.matte)
    return mixed(cv2.resize(mean, size), painted, cv2.resize(share, size))


def _halved(picture: Bytes) -> Bytes:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
