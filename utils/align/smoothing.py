"""Smoothing: moments beside one another mostly lie on a line, which is less noisy than each of them.

How far those around a frame stray from their line, beyond their noise, says how much the line is worth: nothing where
frames were doubled or dropped, much where time runs evenly.
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
AROUND, LEAST_AROUND = 4, 5
"""The line goes through so many frames on each side, of which so many match in all, without a jump in between."""
LEAST_NOISE = 0.01
"""Frames are not believed to be less noisy."""
SHARED = 0.3
"""The share of a frame's variance that those beside it have in common with it, which no line takes away."""

DOUBTED, ALONE = 0.3, 4.0
"""A frame that strays alone, beyond so many times the variance of those around it, was doubled or is encoded badly: so
much of how far it strays is in doubt."""


def smoothed(moments: Values, noise: Values, jumps: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Moments drawn to the line through those around them, and how noisy they are then."""
    if len(moments) < LEAST_AROUND:
        return moments, noise
    # 1. For each frame those around it, with weights: none for those that match nothing or lie behind a jump.
    variance = np.square(np.maximum(noise, LEAST_NOISE))
    stretch = np.cumsum(jumps).astype(np.float64)
    near = np.array([_around(moments), _around(variance), _around(stretch)])
    alike = np.isfinite(near[0]) & (near[2] == near[2][:, AROUND : AROUND + 1])
    known = np.where(alike, near[0], 0.0)
    weights = np.where(alike, 1 / np.where(alike, near[1], 1.0), 0.0)
    others = weights.copy()
    others[:, AROUND] = 0

    # 2. The line through the others, and its value at the frame.
    steps = np.arange(-AROUND, AROUND + 1.0)
    total = np.maximum(others.sum(axis=1), 1e-12)
    centre, mean = (others * steps).sum(axis=1) / total, (others * known).sum(axis=1) / total
    away = steps - centre[:, None]
    spread = np.maximum((others * away**2).sum(axis=1), 1e-12)
    slope = (others * away * (known - mean[:, None])).sum(axis=1) / spread
    line = mean - slope * centre
    uncertain = 1 / total + centre**2 / spread

    # 3. How far moments stray from it beyond their noise, and so how far the frame itself is believed.
    strayed = np.where(alike, known - (mean[:, None] + slope[:, None] * away), 0.0)
    count = alike.sum(axis=1)
    usual = np.where(alike, near[1], 0.0).sum(axis=1) / np.maximum(count, 1)
    beyond = np.maximum((strayed**2).sum(axis=1) / np.maximum(count - 3, 1) - usual, 0)
    own = (beyond + uncertain) / (beyond + uncertain + variance)
    own = np.where((count > LEAST_AROUND) & np.isfinite(moments), own, 1.0)
    around = (np.where(others > 0, strayed, 0.0) ** 2).sum(axis=1) / np.maximum(count - 3, 1)
    alone = np.sqrt(np.where(own < 1, np.maximum((moments - line) ** 2 - ALONE * around, 0), 0))
    left = np.hypot(noise * np.sqrt(SHARED + (1 - SHARED) * own), DOUBTED * own * alone)
    return np.where(own < 1, line + own * (moments - line), moments), left


def _around(values: Values) -> Values:
    """For each value those around it and itself, n x (2 x AROUND + 1)."""
    padded = np.pad(values, AROUND, constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1)
