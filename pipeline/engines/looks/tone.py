"""The tone of a clip: its brightness levels and the person's size, from the style samples.

It is known before the first window, so that all windows get the same look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from pipeline.engines.base import View
from pipeline.engines.looks.kernels import Bytes, Floats

Part = Literal["person", "background", "both"]

_SPARSE = 40_000
"""Pixels that are sampled of a view, about."""
TYPICAL_PX = 450.0
"""The height of a person for whom a brush has the size 1."""
_ASSUMED = 0.6
"""The height of a person, as a share of the picture's, where none is known."""
_BRUSHES = (0.8, 2.0)
"""Limits of the size of a brush."""


@dataclass(frozen=True)
class Tone:
    """Brightness levels of the part that is restyled, and the size of a brush for its person."""

    levels: Floats
    """The percentiles 0 to 100 of the luma, 0..1."""
    unit: float
    """The size of a brush; 1 for a person of 450 px."""

    @property
    def black(self) -> float:
        """The 2nd percentile."""
        return float(self.levels[2])

    @property
    def middle(self) -> float:
        """The median."""
        return float(self.levels[50])

    @property
    def white(self) -> float:
        """The 98th percentile."""
        return float(self.levels[98])

    def spread(self, value: Floats, share: float = 1.0) -> Floats:
        """Luma stretched by `share` to 0..1 with its median at 0.45; the stretch is limited."""
        low, high = min(self.black, 0.25), max(self.white, 0.6)
        middle = float(np.clip(self.middle, low + 0.3 * (high - low), low + 0.7 * (high - low)))
        even = np.interp(value, (0, low, middle, high, 1), (0, 0.03, 0.45, 0.95, 1))
        return np.asarray((1 - share) * value + share * even, np.float32)


def weight(matte: Bytes, part: Part) -> Bytes:
    """How much of each pixel is restyled, 0..255."""
    if part == "both":
        return np.full_like(matte, 255)
    return matte if part == "person" else np.asarray(255 - matte, np.uint8)


def sampled_colours(views: Sequence[View], part: Part) -> Bytes:
    """Colours of the restyled part, n x 3, evenly from all views; of all pixels where there is hardly any."""
    sparse = [_sparse(view, part) for view in views]
    colours = np.concatenate([*sparse, np.empty((0, 3), np.uint8)])
    if len(colours) < 64:
        colours = np.concatenate([*(_sparse(view, "both") for view in views), np.full((2, 3), 128, np.uint8)])
    return np.asarray(colours, np.uint8)


def tone(views: Sequence[View], part: Part) -> Tone:
    """The tone of a clip, from its style samples."""
    return Tone(levels_of(sampled_colours(views, part)), _unit(views))


def levels_of(colours: Bytes) -> Floats:
    """The percentiles 0 to 100 of the luma of colours, n x 3."""
    light = cv2.cvtColor(colours[None], cv2.COLOR_RGB2GRAY)[0]
    return np.asarray(np.percentile(light, np.arange(101)), np.float32) / 255


def _sparse(view: View, part: Part) -> Bytes:
    """Pixels of the restyled part of a view, on a coarse grid."""
    step = max(1, round((view.matte.size / _SPARSE) ** 0.5))
    cut = slice(step // 2, None, step)
    return np.asarray(view.rgb[cut, cut][weight(view.matte, part)[cut, cut] > 127])


def _unit(views: Sequence[View]) -> float:
    """The size of a brush, from the median height of the person in the views."""
    heights = [float(np.count_nonzero((view.matte > 127).any(axis=1))) for view in views]
    tall = [height for height in heights if height > 0]
    if not tall:
        tall = [_ASSUMED * len(view.matte) for view in views] or [TYPICAL_PX]
    return _brush(float(np.median(tall)))


def unit_without_person(height_px: int) -> float:
    """The size of a brush for pictures of this height in which nobody was looked for."""
    return _brush(_ASSUMED * height_px)


def _brush(tall_px: float) -> float:
    return float(np.clip(tall_px / TYPICAL_PX, *_BRUSHES))
