"""Mends a matte where people painted on it: the painted edge is moved onto the edge in the picture near it."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, Size, bounding_box
from utils.people.matte import MIN_RADIUS_PX, Mask, fitted
from utils.people.strokes import Signed

Flags = NDArray[np.bool_]

SURE = 64
"""Values of a correction beyond this, of 127, change the matte."""
RADIUS_SHARE = 0.06
"""Radius of the guided filter, as a share of the painted surface's size: how far its edge may move."""
MOST_RADIUS_PX = 10.0


def mended(matte: Mask, correction: Signed, rgb: RGB) -> Mask:
    """The matte with a correction of the same size applied."""
    added, removed = correction > SURE, correction < -SURE
    box = bounding_box((added | removed).view(np.uint8))
    if box is None:
        return matte
    radius_px = min(MOST_RADIUS_PX, max(MIN_RADIUS_PX, RADIUS_SHARE * max(box.size)))
    box = box.grown(math.ceil(4 * radius_px), Size.of(matte))
    result, part = matte.copy(), box.slices
    result[added], result[removed] = 255, 0
    edge = fitted(result[part].astype(np.float32) / 255, np.ascontiguousarray(rgb[part]), radius_px)
    near = _dilated(added[part] | removed[part], radius_px)
    result[part] = np.where(near, edge, result[part])
    inner_added, inner_removed = (_eroded(each[part], 2 * radius_px) for each in (added, removed))
    result[part][inner_added], result[part][inner_removed] = 255, 0
    return result


def _dilated(flags: Flags, radius_px: float) -> Flags:
    return np.asarray(cv2.dilate(flags.view(np.uint8), _disk(radius_px)) > 0)


def _eroded(flags: Flags, radius_px: float) -> Flags:
    return np.asarray(cv2.erode(flags.view(np.uint8), _disk(radius_px)) > 0)


def _disk(radius_px: float) -> Mask:
    side = 2 * round(radius_px) + 1
    disk: Mask = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)
    return disk
