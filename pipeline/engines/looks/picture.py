"""What a look paints from: one view, and what several looks need of it, each made once and only when asked for."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipeline.engines.looks.kernels import Bytes, Floats, along, dabs, kept, tangents

BLOCK = 8
"""Pictures divide by this, so that halves and quarters of them are exact."""


@dataclass(frozen=True)
class Picture:
    """RGB and matte, whose sides divide by BLOCK; `corner` is where it lies in the stable picture.

    `unit` is how large a brush is, 1 for a person of some 450 px; `shrink` (1 or 2) is how much smaller the working
    pictures are, for speed. Both are the same for a whole clip.
    """

    rgb: Bytes
    matte: Bytes
    corner: tuple[int, int]
    unit: float
    shrink: int

    @property
    def brush_px(self) -> float:
        """A brush of 1 in the working picture; a whole picture takes a somewhat broader one."""
        return float(1.1 * self.unit / self.shrink**0.5)

    @cached_property
    def calm(self) -> Floats:
        """Working picture, 0..1, without noise and fine texture, edges kept."""
        small = self.rgb
        if self.shrink > 1:
            small = cv2.resize(small, None, fx=1 / self.shrink, fy=1 / self.shrink, interpolation=cv2.INTER_AREA)
        return calmed(np.asarray(small, np.float32) / 255, radius=3, noise=0.012)

    @cached_property
    def bright(self) -> Floats:
        """At an eighth of the size, 0..1: how bright it is."""
        small = cv2.resize(self.rgb, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32) / 255

    @cached_property
    def light(self) -> Floats:
        """How bright `calm` is."""
        return brightness(self.calm)

    @cached_property
    def tangent(self) -> Floats:
        """Along the edges of `light`: unit x and y, and how much there is an edge."""
        gx, gy = (cv2.Scharr(self.light, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1)))
        moments = cv2.merge([gx * gx, gx * gy, gy * gy])
        return tangents(blurred(moments, 1.3 * self.brush_px))

    def painted(self, brush: float) -> Floats:
        """Working picture, 0..1, as if laid on with a brush so wide: dabs that follow edges and never cross them."""
        square = cv2.multiply(self.light, self.light)
        radius = brush * self.brush_px
        means = blurred(cv2.merge([self.calm, square]), radius * 0.5)
        return dabs(means, self.tangent, radius)

    @cached_property
    def person(self) -> Floats:
        """The matte at a quarter of the size, 0..1."""
        quarter = cv2.resize(self.matte, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        return np.asarray(quarter, np.float32) / 255

    def contours(self, width: float, reach: float, low: float, high: float) -> Bytes:
        """Full size, 0..255: lines drawn where it is darker than around, from `low` (nothing) to `high` (all).

        They follow edges for `reach` brushes both ways; where the step fades the line tapers.
        """
        fine = 0.72 * width * self.brush_px
        darker = cv2.addWeighted(blurred(self.light, 1.6 * fine), 1, blurred(self.light, fine), -1, 0)
        line = along(np.asarray(darker, np.float32), self.tangent, reach * self.brush_px)
        return self.sharpened(line, low, high)

    def sharpened(self, working: Floats, low: float, high: float) -> Bytes:
        """Full size, 0..255: a smooth step from `low` to `high`, as crisp as the size allows."""
        levels = np.rint((working - np.float32(2 * low - high)) * np.float32(85 / (high - low)))
        wide = np.asarray(np.clip(levels, 0, 255), np.uint8)
        return np.asarray(cv2.LUT(self.enlarged(wide), _STEP))

    def enlarged(self, working: Bytes) -> Bytes:
        """A working picture at full size."""
        if self.shrink == 1:
            return working
        return np.asarray(cv2.resize(working, None, fx=self.shrink, fy=self.shrink, interpolation=cv2.INTER_CUBIC))


def brightness(rgb: Floats) -> Floats:
    """h x w from h x w x 3, as the eye weighs colours."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def blurred(field: Floats, sigma_px: float) -> Floats:
    """Softened by a bell."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE), np.float32)


def calmed(picture: Floats, radius: int, noise: float) -> Floats:
    """Flat where it varies by less than `noise` (a standard deviation, 0..1), itself where it varies by more."""
    side, border = (2 * radius + 1, 2 * radius + 1), cv2.BORDER_REPLICATE
    square = cv2.transform(picture * picture, np.ones((1, 3), np.float32))
    means = cv2.blur(cv2.merge([picture, square]), side, borderType=border)
    share = cv2.blur(kept(means, 2 * noise), (radius | 1, radius | 1), borderType=border)
    flat = cv2.cvtColor(means, cv2.COLOR_RGBA2RGB)
    return np.asarray(cv2.blendLinear(picture, flat, share, 1 - share), np.float32)


def bytes_of(picture: Floats) -> Bytes:
    """0..1 as 0..255."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(picture, 0), alpha=255), np.uint8)


def ramp(value: Floats, low: float, high: float) -> Floats:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


_STEP = np.rint(255 * ramp(np.arange(256, dtype=np.float32), 85, 170)).astype(np.uint8)
"""Levels that leave as much room on either side of a step as the step is wide."""
