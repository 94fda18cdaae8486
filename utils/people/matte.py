"""Matte refinement: turns the model's coarse mask into a matte whose edge follows the edge in the picture.

1. Specks and pinholes are removed. 2. A guided filter (He et al. 2010, solved at half size, applied at full size)
aligns the mask with the picture's colours. 3. The soft band at the edge is narrowed to the width of a real edge.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, Size, bounding_box

Mask = NDArray[np.uint8]
"""H x W, 0..255 soft."""
Plane = NDArray[np.float32]

SEEN = 24
"""Mask value from which on a pixel may belong to the person."""
RADIUS_SHARE = 0.012
"""Radius of the guided filter, as a share of the person's height: how far an edge may move."""
MIN_RADIUS_PX = 1.5
"""Smallest radius of the guided filter."""
SMOOTH = 5e-4
"""Regularisation of the guided filter: colour variance (of values 0..1) below which there is no edge to follow."""
SOFT_BAND = (0.3, 0.7)
"""Filtered values below the first are outside the person, values above the second inside."""
NEAR_SHARE = 0.06
"""A separate piece this near to the person, as a share of their height, still belongs to them."""
SPECK_SHARE, HOLE_SHARE = 3e-4, 1.5e-3
"""Pieces and holes smaller than these shares of the person's area are removed and filled."""


def refined(mask: Mask, rgb: RGB) -> Mask:
    """The refined matte of a coarse mask: exactly 0 away from the person, 255 inside."""
    result = np.zeros_like(mask)
    box = bounding_box(mask, SEEN)
    if box is None:
        return result
    tall = max(box.size)
    radius_px = max(MIN_RADIUS_PX, RADIUS_SHARE * tall)
    box = box.grown(math.ceil(3 * radius_px), Size.of(mask))
    coarse = _cleaned(mask[box.slices], NEAR_SHARE * tall)
    filtered = guided_filter(narrowed(coarse.astype(np.float32) / 255), rgb[box.slices], radius_px)
    near_person = cv2.dilate(coarse, _square(2 * radius_px)) > SEEN
    result[box.slices] = np.where(near_person, np.rint(255 * narrowed(filtered)), 0).astype(np.uint8)
    return result


def _cleaned(mask: Mask, near_px: float) -> Mask:
    """The mask without specks, without pieces far from the person and without pinholes."""
    solid = (mask > 127).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    if count < 2:
        return np.zeros_like(mask)
    areas = stats[1:, cv2.CC_STAT_AREA]
    body = 1 + int(areas.argmax())
    cleaned = mask.copy()
    if count > 2:
        away = cv2.distanceTransform((labels != body).view(np.uint8), cv2.DIST_L2, 3)
        nearest = np.array([away[labels == piece].min() for piece in range(1, count)])
        kept = np.flatnonzero((nearest <= near_px) & (areas >= SPECK_SHARE * areas.max())) + 1
        solid = np.isin(labels, kept).view(np.uint8)
    cleaned[cv2.dilate(solid, _square(max(3.0, near_px / 3))) == 0] = 0
    return _filled(cleaned, HOLE_SHARE * float(areas.max()))


def _filled(mask: Mask, largest_px: float) -> Mask:
    """Fill the holes of up to `largest_px` pixels; an opening that touches the border is no hole."""
    hollow = (mask <= 127).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(hollow, connectivity=4)
    right, bottom = stats[:, 0] + stats[:, 2], stats[:, 1] + stats[:, 3]
    inner = (stats[:, 0] > 0) & (stats[:, 1] > 0) & (right < mask.shape[1]) & (bottom < mask.shape[0])
    small = np.flatnonzero(inner & (stats[:, cv2.CC_STAT_AREA] <= largest_px))
    for hole in small[small > 0]:
        mask[labels == hole] = 255
    return mask


def narrowed(values: Plane) -> Plane:
    """Narrow the soft band between outside and inside to the width of a real edge."""
    low, high = SOFT_BAND
    result: Plane = np.clip((values - low) / (high - low), 0, 1)
    return result


def guided_filter(mask: Plane, rgb: RGB, radius_px: float) -> Plane:
    """Guided filter: the mask as a locally linear function of the picture's colours."""
    height, width = mask.shape
    step = 2 if radius_px >= 4 else 1
    small = (max(1, width // step), max(1, height // step))
    colours = cv2.resize(rgb, small, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    values = cv2.resize(mask, small, interpolation=cv2.INTER_AREA)
    side = 2 * max(1, round(radius_px / step)) + 1
    slopes, offsets = _linear_fit(values, colours, side)
    slopes, offsets = (
        cv2.resize(_mean(plane, side), (width, height), interpolation=cv2.INTER_LINEAR) for plane in (slopes, offsets)
    )
    filtered: Plane = np.einsum("hwc,hwc->hw", slopes, rgb.astype(np.float32)) / 255 + offsets
    return filtered


def _linear_fit(values: Plane, colours: Plane, side: int) -> tuple[Plane, Plane]:
    """Least squares fit of values = slopes . colours + offset in a square around each pixel.

    Returns the slopes (h x w x 3) and the offsets (h x w).
    """
    mean_colour, mean_value = _mean(colours, side), _mean(values, side)
    target = _mean(colours * values[..., None], side) - mean_colour * mean_value[..., None]
    r, g, b = cv2.split(colours)
    mr, mg, mb = cv2.split(mean_colour)
    rr, gg, bb = (_mean(c * c, side) - m * m + SMOOTH for c, m in ((r, mr), (g, mg), (b, mb)))
    rg, rb, gb = (_mean(c * d, side) - m * n for c, d, m, n in ((r, g, mr, mg), (r, b, mr, mb), (g, b, mg, mb)))
    x, y, z = cv2.split(target)
    # The symmetric 3 x 3 system by its cofactors.
    c00, c01, c02 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    c11, c12, c22 = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    scale = 1 / (rr * c00 + rg * c01 + rb * c02)
    slopes = cv2.merge(
        [
            scale * (c00 * x + c01 * y + c02 * z),
            scale * (c01 * x + c11 * y + c12 * z),
            scale * (c02 * x + c12 * y + c22 * z),
        ]
    )
    return slopes, mean_value - np.einsum("hwc,hwc->hw", slopes, mean_colour)


def _mean(values: Plane, side: int) -> Plane:
    """Box filter: the mean over a square around each pixel."""
    mean: Plane = cv2.boxFilter(values, -1, (side, side), borderType=cv2.BORDER_REFLECT)
    return mean


def _square(radius_px: float) -> Mask:
    """Square structuring element for morphology."""
    side = 2 * round(radius_px) + 1
    return np.ones((side, side), np.uint8)
