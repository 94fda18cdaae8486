"""Matte refinement: turns the model's coarse mask into a matte whose edge follows the edge in the picture.

1. Specks and pinholes are removed. 2. A guided filter (He et al. 2010, solved at half size, applied at full size)
aligns the mask with the picture's colours. 3. The soft band at the edge is narrowed to the width of a real edge.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.compiled import kernel
from utils.image import RGB, Box, Size, bounding_box

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
    box = _even(box.grown(math.ceil(3 * radius_px), Size.of(mask)), Size.of(mask))
    coarse = _cleaned(mask[box.slices], NEAR_SHARE * tall)
    fit = _guided_fit(_narrowed(coarse.astype(np.float32) / 255), rgb[box.slices], radius_px)
    near_person = cv2.dilate(coarse, _square(2 * radius_px))
    _apply_fit(fit, rgb[box.slices], near_person, result[box.slices])
    return result


def _even(box: Box, within: Size) -> Box:
    """The box enlarged to even numbers, where the picture goes on: halves of it are exact and quick."""
    left, top, right, bottom = box
    return Box(
        left - left % 2,
        top - top % 2,
        min(right + right % 2, within.width_px),
        min(bottom + bottom % 2, within.height_px),
    )


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


def fitted(mask: Plane, rgb: RGB, radius_px: float) -> Mask:
    """The matte of a mask (0 to 1) whose edge is moved onto the edge in the picture near it."""
    result, everywhere = np.zeros(mask.shape, np.uint8), np.full(mask.shape, 255, np.uint8)
    _apply_fit(_guided_fit(mask, rgb, radius_px), rgb, everywhere, result)
    return result


def _narrowed(values: Plane) -> Plane:
    """Narrow the soft band between outside and inside to the width of a real edge."""
    low, high = SOFT_BAND
    narrowed: Plane = np.clip((values - low) / (high - low), 0, 1)
    return narrowed


def _guided_fit(mask: Plane, rgb: RGB, radius_px: float) -> Plane:
    """Guided filter: the mask as a locally linear function of the picture's colours, h x w x 4.

    It is solved at half size where edges move by several pixels. Each function is three slopes and an offset.
    """
    height, width = mask.shape
    step = 2 if radius_px >= 4 else 1
    small = (max(1, width // step), max(1, height // step))
    colours = cv2.resize(rgb, small, interpolation=cv2.INTER_AREA)
    products = np.empty((small[1], small[0], len(_PRODUCTS)), np.float32)
    _multiply(colours, cv2.resize(mask, small, interpolation=cv2.INTER_AREA), products)
    side = 2 * max(1, round(radius_px / step)) + 1
    fit = np.empty((small[1], small[0], 4), np.float32)
    _solve(_mean(products, side), fit)
    return _mean(fit, side)


_PRODUCTS = ("r", "g", "b", "m", "rr", "rg", "rb", "gg", "gb", "bb", "rm", "gm", "bm")
"""What is averaged over a square for the least squares fit of the mask (m): colours 0..1, and their products."""


@kernel
def _multiply(colours: RGB, mask: Plane, products: Plane) -> None:
    """The products of one pixel after another."""
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            share = np.float32(1 / 255)
            r, g, b, m = colours[y, x, 0] * share, colours[y, x, 1] * share, colours[y, x, 2] * share, mask[y, x]
            at = products[y, x]
            at[0], at[1], at[2], at[3] = r, g, b, m
            at[4], at[5], at[6], at[7], at[8], at[9] = r * r, r * g, r * b, g * g, g * b, b * b
            at[10], at[11], at[12] = r * m, g * m, b * m


@kernel
def _solve(means: Plane, fit: Plane) -> None:
    """Least squares fit of mask = slopes . colours + offset at each pixel, by the cofactors of a symmetric matrix."""
    smooth = np.float32(SMOOTH)
    for y in range(means.shape[0]):
        for x in range(means.shape[1]):
            at = means[y, x]
            r, g, b, m = at[0], at[1], at[2], at[3]
            rr, rg, rb = at[4] - r * r + smooth, at[5] - r * g, at[6] - r * b
            gg, gb, bb = at[7] - g * g + smooth, at[8] - g * b, at[9] - b * b + smooth
            rm, gm, bm = at[10] - r * m, at[11] - g * m, at[12] - b * m
            c00, c01, c02 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
            c11, c12, c22 = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
            scale = np.float32(1) / (rr * c00 + rg * c01 + rb * c02)
            red = scale * (c00 * rm + c01 * gm + c02 * bm)
            green = scale * (c01 * rm + c11 * gm + c12 * bm)
            blue = scale * (c02 * rm + c12 * gm + c22 * bm)
            fit[y, x, 0], fit[y, x, 1], fit[y, x, 2] = red, green, blue
            fit[y, x, 3] = m - red * r - green * g - blue * b


@kernel
def _apply_fit(fit: Plane, rgb: RGB, near: Mask, matte: Mask) -> None:
    """Fill the matte near the person with the function of the colours, interpolated (bilinear) and narrowed."""
    height, width = near.shape
    rows, columns = fit.shape[0], fit.shape[1]
    level, low = np.float32(1 / 255), np.float32(SOFT_BAND[0])
    gain, most, half = np.float32(255 / (SOFT_BAND[1] - SOFT_BAND[0])), np.float32(255), np.float32(0.5)
    line = np.empty((columns, 4), np.float32)
    for y in range(height):
        down = max(0.0, (y + 0.5) * rows / height - 0.5)
        top = int(down)
        below, lower = min(top + 1, rows - 1), np.float32(down - top)
        for x in range(columns):
            for c in range(4):
                line[x, c] = fit[top, x, c] + lower * (fit[below, x, c] - fit[top, x, c])
        for x in range(width):
            if near[y, x] <= SEEN:
                matte[y, x] = 0
                continue
            along = max(0.0, (x + 0.5) * columns / width - 0.5)
            left = int(along)
            one, other, later = line[left], line[min(left + 1, columns - 1)], np.float32(along - left)
            value = one[3] + later * (other[3] - one[3]) - low
            for c in range(3):
                value += (one[c] + later * (other[c] - one[c])) * (rgb[y, x, c] * level)
            matte[y, x] = np.uint8(min(most, max(np.float32(0), value * gain)) + half)


def _mean(values: Plane, side: int) -> Plane:
    """Box filter: the mean over a square around each pixel."""
    mean: Plane = cv2.boxFilter(values, -1, (side, side), borderType=cv2.BORDER_REFLECT)
    return mean


def _square(radius_px: float) -> Mask:
    """Square structuring element for morphology."""
    side = 2 * round(radius_px) + 1
    return np.ones((side, side), np.uint8)
