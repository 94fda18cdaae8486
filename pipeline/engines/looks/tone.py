"""What a clip's survey says about its colours: known before the first window, so that all windows get the same look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from pipeline.engines.base import View
from pipeline.engines.looks.kernels import Bytes, Floats

Part = Literal["person", "background", "both"]

_SPARSE = 40_000
"""Pixels of a view that are looked at, about."""
_TYPICAL_PX = 450.0
_BRUSHES = (0.8, 2.0)


@dataclass(frozen=True)
class Tone:
    """Of what is restyled: how bright it is, and how large the person stands in it."""

    levels: Floats
    """101: the brightness, 0..1, that so many percent stay below."""
    unit: float
    """How large a brush is; 1 for a person of 450 px."""

    @property
    def black(self) -> float:
        """Darker is hardly anything."""
        return float(self.levels[2])

    @property
    def middle(self) -> float:
        """Half is brighter, half is darker."""
        return float(self.levels[50])

    @property
    def white(self) -> float:
        """Brighter is hardly anything."""
        return float(self.levels[98])

    def spread(self, value: Floats, share: float = 1.0) -> Floats:
        """Brightness stretched to 0..1 with its middle at 0.45, by `share`; no source is stretched beyond reason."""
        low, high = min(self.black, 0.25), max(self.white, 0.6)
        middle = float(np.clip(self.middle, low + 0.3 * (high - low), low + 0.7 * (high - low)))
        even = np.interp(value, (0, low, middle, high, 1), (0, 0.03, 0.45, 0.95, 1))
        return np.asarray((1 - share) * value + share * even, np.float32)


def weight(matte: Bytes, part: Part) -> Bytes:
    """What of a view is restyled, 0..255."""
    if part == "both":
        return np.full_like(matte, 255)
    return matte if part == "person" else np.asarray(255 - matte, np.uint8)


def samples(survey: Sequence[View], part: Part) -> Bytes:
    """n x 3: colours of what is restyled in the survey, evenly from all views; of all pixels if there is none."""
    found = [_sparse(view, part) for view in survey]
    colours = np.concatenate([*found, np.empty((0, 3), np.uint8)])
    if len(colours) < 64:
        colours = np.concatenate([*(_sparse(view, "both") for view in survey), np.full((2, 3), 128, np.uint8)])
    return np.asarray(colours, np.uint8)


def tone(survey: Sequence[View], part: Part) -> Tone:
    """What the survey says."""
    light = cv2.cvtColor(samples(survey, part)[None], cv2.COLOR_RGB2GRAY)[0]
    levels = np.asarray(np.percentile(light, np.arange(101)), np.float32) / 255
    return Tone(levels, _unit(survey))


def _sparse(view: View, part: Part) -> Bytes:
    step = max(1, round((view.matte.size / _SPARSE) ** 0.5))
    cut = slice(step // 2, None, step)
    return np.asarray(view.rgb[cut, cut][weight(view.matte, part)[cut, cut] > 127])


def _unit(survey: Sequence[View]) -> float:
    heights = [float(np.count_nonzero((view.matte > 127).any(axis=1))) for view in survey]
    tall = [height for height in heights if height > 0]
    if not tall:
        tall = [0.6 * len(view.matte) for view in survey] or [_TYPICAL_PX]
    return float(np.clip(np.median(tall) / _TYPICAL_PX, *_BRUSHES))
