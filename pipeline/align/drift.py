"""Drift: how far each frame's time lies off the steady run of those around it, and which frames may be too far off."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.align.time_map import TimeMap
from utils.align.labels import Label
from utils.media.clip import Clip

Seconds = NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """For each frame of the foreground how far it is off, and how sure that is, in s; NaN where nothing matches."""

    residual_s: Seconds
    sigma_s: Seconds

    @classmethod
    def of(cls, found: TimeMap, background: Clip, window_frames: int) -> "Drift":
        """Measured against a straight line through the frames of a window, never across a cut."""
        seconds, residual_s = found.background_s(background), np.full(len(found.moments), np.nan)
        for run in _runs(found):
            for index in run:
                near = run[np.abs(run - index) <= window_frames // 2]
                residual_s[index] = seconds[index] - _line_at(near, seconds[near], index)
        return cls(residual_s, found.sigma_s(background))

    def beyond(self, tolerance_s: float) -> list[int]:
        """The frames that may be off by more than a tolerance, with twice their uncertainty."""
        off = np.abs(self.residual_s) + 2 * self.sigma_s
        return [int(index) for index in np.flatnonzero(off > tolerance_s)]


def _runs(found: TimeMap) -> list[NDArray[np.int64]]:
    """Stretches of matched frames without a cut."""
    matched = found.matched()
    starts = [place for place, index in enumerate(matched) if place and (
        found.labels[index] is Label.CUT or index != matched[place - 1] + 1)]  # fmt: skip
    return np.split(matched, starts)


def _line_at(indices: NDArray[np.int64], values: NDArray[np.float64], index: int) -> float:
    """The value of the least-squares line at an index."""
    if len(indices) < 3:
        return float(values[list(indices).index(index)])
    middle = indices.mean()
    away = indices - middle
    slope = float(away @ (values - values.mean())) / float(away @ away)
    return float(values.mean() + slope * (index - middle))
