"""The picture that a look paints from: one view, with features that looks share, each computed once on demand."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipeline.engines.looks.kernels import Bytes, Floats, kuwahara, smoothed_along, tangents, variation_share

BLOCK = 8
"""Sides of pictures are multiples of this, so that halves and quarters of them are exact."""
NEAR_PX = 12
"""How far around what is shown strokes are painted, because what is done to them afterwards spreads."""


@dataclass(frozen=True)
class Picture:
    """RGB and matte, with sides that are multiples of BLOCK; `corner` is its place in the stable picture.

    `shown` is not 0 where anything of the painting will be seen.
    `unit` is the size of a brush, 1 for a person of some 450 px; `shrink` (1 or 2) is the factor by which the working
    pictures are reduced, for speed. Both are the same for a whole clip.
    """

    rgb: Bytes
    matte: Bytes
    shown: Bytes
    corner: tuple[int, int]
    unit: float
    shrink: int

    @property
    def brush_px(self) -> float:
        """The size of a brush of 1 in px of the working picture; somewhat broader where that is reduced."""
        return float(1.1 * self.unit / self.shrink**0.5)

    @cached_property
    def denoised(self) -> Floats:
        """The working picture, 0..1, without noise and fine texture, with its edges."""
        small = self.rgb
        if self.shrink > 1:
            small = cv2.resize(small, None, fx=1 / self.shrink, fy=1 / self.shrink, interpolation=cv2.INTER_AREA)
        return denoised(np.asarray(small, np.float32) / 255, radius=3, noise=0.012)

    @cached_property
    def near(self) -> Bytes:
        """Not 0 in the working picture where strokes are painted."""
        wide = cv2.dilate(self.shown, np.ones((2 * NEAR_PX + 1,) * 2, np.uint8))
        return np.ascontiguousarray(wide[:: self.shrink, :: self.shrink])

    @cached_property
    def bright(self) -> Floats:
        """The luma at an eighth of the size, 0..1."""
        small = cv2.resize(self.rgb, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32) / 255

    @cached_property
    def light(self) -> Floats:
        """The luma of `denoised`."""
        return brightness(self.denoised)

    @cached_property
    def tangent(self) -> Floats:
        """The edge tangents of `light`: unit x and y, and anisotropy, by the smoothed structure tensor."""
        gx, gy = (cv2.Scharr(self.light, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1)))
        moments = cv2.merge([gx * gx, gx * gy, gy * gy])
        return tangents(blurred(moments, 1.3 * self.brush_px))

    def painted(self, brush: float) -> Floats:
        """The working picture, 0..1, through an anisotropic Kuwahara filter: strokes that run along edges."""
        square = cv2.multiply(self.light, self.light)
        radius = brush * self.brush_px
        means = blurred(cv2.merge([self.denoised, square]), radius * 0.5)
        return kuwahara(means, self.tangent, radius, self.near)

    @cached_property
    def person(self) -> Floats:
        """The matte at a quarter of the size, 0..1."""
        quarter = cv2.resize(self.matte, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        return np.asarray(quarter, np.float32) / 255

    def contours(self, width: float, reach: float, low: float, high: float) -> Bytes:
        """Lines, 0..255 at full size, where it is darker than its surroundings by `low` (none) to `high` (full).

        A flow-based difference of Gaussians: it is smoothed along edges for `reach` brushes both ways, so that lines
        taper where an edge fades.
        """
        fine = 0.72 * width * self.brush_px
        difference = cv2.addWeighted(blurred(self.light, 1.6 * fine), 1, blurred(self.light, fine), -1, 0)
        line = smoothed_along(np.asarray(difference, np.float32), self.tangent, reach * self.brush_px, self.near)
        return self.sharpened(line, low, high)

    def sharpened(self, working: Floats, low: float, high: float) -> Bytes:
        """A smooth step from `low` to `high`, 0..255 at full size, applied after enlarging so that it stays crisp."""
        levels = np.rint((working - np.float32(2 * low - high)) * np.float32(85 / (high - low)))
        wide = np.asarray(np.clip(levels, 0, 255), np.uint8)
        return np.asarray(cv2.LUT(self.enlarged(wide), _STEP))

    def enlarged(self, working: Bytes) -> Bytes:
        """A working picture enlarged to full size."""
        if self.shrink == 1:
            return working
        return np.asarray(cv2.resize(working, None, fx=self.shrink, fy=self.shrink, interpolation=cv2.INTER_CUBIC))


def brightness(rgb: Floats) -> Floats:
    """The luma of an RGB picture."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def blurred(field: Floats, sigma_px: float) -> Floats:
    """A Gaussian blur, with the border repeated."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE), np.float32)


def denoised(picture: Floats, radius: int, noise: float) -> Floats:
    """Local Wiener filter: the mean where a picture varies by less than `noise` (a standard deviation, 0..1)."""
    side, border = (2 * radius + 1, 2 * radius + 1), cv2.BORDER_REPLICATE
    square = cv2.transform(picture * picture, np.ones((1, 3), np.float32))
    means = cv2.blur(cv2.merge([picture, square]), side, borderType=border)
    share = cv2.blur(variation_share(means, 2 * noise), (radius | 1, radius | 1), borderType=border)
    flat = cv2.cvtColor(means, cv2.COLOR_RGBA2RGB)
    return np.asarray(cv2.blendLinear(picture, flat, share, 1 - share), np.float32)


def bytes_of(picture: Floats) -> Bytes:
    """A picture of 0..1 as bytes."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(picture, 0), alpha=255), np.uint8)


def ramp(value: Floats, low: float, high: float) -> Floats:
    """Smoothstep: 0 below `low`, 1 above `high`."""
    share = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


_STEP = np.rint(255 * ramp(np.arange(256, dtype=np.float32), 85, 170)).astype(np.uint8)
"""Lookup table of a smoothstep, with as much room on either side of the step as it is wide."""
