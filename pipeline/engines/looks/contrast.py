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
_ACROSS, _MOST_ACROSS, _FREE_ACROSS = 2.0, 0.9, 6.0
"""Neighbourhood, limit and what is free, for contrast across the border between the painted and the filmed."""
_REACH = 8.0
"""How much of that limit holds, by the share of the painting there times the share of what was filmed: 1 at most."""


def limited_contrast(painted: Bytes, picture: Picture, most: float, free: float) -> Bytes:
    """A picture whose local contrast is reduced to `most` times that of the source where it has more.

    `free` is an amount of contrast, in levels of 255, that is always allowed, so that lines and texture on flat ground
    stay. Broad changes of light and colour are left alone.
    """
    mean, share = _within(painted, picture, _AROUND, most, free)
    return _reduced(painted, mean, share)


def limited_widely(painted: Bytes, picture: Picture) -> Bytes:
    """A picture in whose contrast between things beside each other hardly more changes as they move than in its source.

    It is limited as detail is, but in a wider neighbourhood and far less.
    """
    mean, share = _within(painted, picture, _WIDELY, _MOST_WIDELY, _FREE_WIDELY)
    return _reduced(painted, mean, share)


def limited_at_border(painted: Bytes, picture: Picture) -> Bytes:
    """A picture that stands out from what is left as filmed beside it hardly more than its source did.

    Where a limb moves fast its border is never followed to the pixel, and each such error is seen as much as the two
    sides differ. Light of what is beside it falls onto the border instead, as it does in a lens.
    """
    if picture.shown.min() == 255:
        return painted
    seen = mixed(picture.rgb, painted, picture.shown)
    mean, share = _within(seen, picture, _ACROSS, _MOST_ACROSS, _FREE_ACROSS)
    laid = cv2.resize(picture.shown, Size.of(mean), interpolation=cv2.INTER_AREA)
    soft = blurred(np.asarray(laid, np.float32) / 255, _ACROSS * picture.unit)
    near = np.clip(_REACH * soft * (1 - soft), 0, 1)
    return _reduced(painted, mean, np.asarray(np.rint(255 - near * (255 - np.asarray(share, np.float32))), np.uint8))


def _within(painted: Bytes, picture: Picture, around: float, most: float, free: float) -> tuple[Bytes, Bytes]:
    """Mean colours of neighbourhoods, and how much of the contrast there may stay, at a quarter of the size."""
    here, of_source = (blurred(moments(_halved(each)), around * picture.unit) for each in (painted, picture.rgb))
    return contrast_share(here, of_source, most, free)


def _reduced(painted: Bytes, mean: Bytes, share: Bytes) -> Bytes:
    """A picture of which only a share is left beside the mean colours."""
    size = Size.of(painted)
    return mixed(cv2.resize(mean, size), painted, cv2.resize(share, size))


def _halved(picture: Bytes) -> Bytes:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
