"""Robust median of many registered pictures at each pixel, over the samples in which the background is visible.

Each sample records its distance from the person. Where many samples remain the nearest are not used, because a
person's effect on the light around them fades slowly.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.compiled import kernel
from utils.image import RGB, Box, Size

Mask = NDArray[np.uint8]

BAND_PX = 64
"""Rows that are merged at a time by one thread."""
MIN_INLIER_LEVELS = 6.0
"""Least deviation from the median, in levels, below which samples are averaged."""
MAX_DEVIATIONS = 2.5
"""Samples within this many median absolute deviations are averaged too."""
FEW_FAR_SAMPLES = 5
"""This many samples far from the person must not be outvoted by more samples near them."""


@dataclass(frozen=True)
class Layer:
    """A picture (h x w x 3) in a box of a larger one, with each pixel's distance from the person (0: not usable)."""

    box: Box
    picture: RGB
    away: Mask

    def __post_init__(self) -> None:
        rows, columns = self.away.shape
        if self.picture.shape != (rows, columns, 3) or self.box.size != (columns, rows):
            raise ValueError(f"a picture of {self.picture.shape} in {self.box}")

    def inside(self, box: Box) -> tuple[slice, slice]:
        """Row and column slices of this layer's arrays for a part of its box."""
        left, top = self.box.left, self.box.top
        return Box(box.left - left, box.top - top, box.right - left, box.bottom - top).slices


def merge(
    layers: Sequence[Layer], gains: NDArray[np.float32], size: Size, safe: int, enough: int
) -> tuple[NDArray[np.float32], Mask]:
    """Merge n layers, multiplied by n x 3 gains: picture (H x W x 3, levels) and number of usable layers per pixel.

    Samples nearer to the person than `safe` are used only where fewer than `enough` are farther away. The picture is 0
    where nothing was seen.
    """
    result = np.zeros((size.height_px, size.width_px, 3), np.float32)
    seen = np.zeros(result.shape[:2], np.uint8)
    bands = [Box(0, top, size.width_px, min(top + BAND_PX, size.height_px)) for top in range(0, len(seen), BAND_PX)]

    def merge_band(band: Box) -> None:
        there = [index for index, layer in enumerate(layers) if min((layer.box & band).size) > 0]
        stack = np.zeros((len(there), *seen[band.slices].shape, 3), np.uint8)
        away = np.zeros(stack.shape[:3], np.uint8)
        for row, index in enumerate(there):
            layer = layers[index]
            part = layer.box & band
            goal = Box(part.left, part.top - band.top, part.right, part.bottom - band.top).slices
            stack[row][goal], away[row][goal] = layer.picture[layer.inside(part)], layer.away[layer.inside(part)]
        _medians(stack, away, gains[there], safe, enough, result[band.slices], seen[band.slices])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(merge_band, bands))
    return result, seen


@kernel
def _medians(
    stack: NDArray[np.uint8], away: NDArray[np.uint8], gains: NDArray[np.float32], safe: int, enough: int,
    result: NDArray[np.float32], seen: NDArray[np.uint8],
) -> None:  # fmt: skip
    count, height, width = away.shape
    used, values, deviations = np.empty(count, np.int64), np.empty(count, np.float32), np.empty(count, np.float32)
    for row in range(height):
        for column in range(width):
            left = _usable(away[:, row, column], safe, enough, used)
            total = 0
            for index in range(count):
                total += away[index, row, column] > 0
            seen[row, column] = min(total, 255)
            for channel in range(3 if left else 0):
                for index in range(left):
                    which = used[index]
                    values[index] = stack[which, row, column, channel] * gains[which, channel]
                result[row, column, channel] = _robust_mean(values[:left], deviations[:left])


@kernel
def _usable(away: NDArray[np.uint8], safe: int, enough: int, used: NDArray[np.int64]) -> int:
    """Select the samples to use: those far enough away, else the farthest ones; returns their number."""
    least, beyond = safe, 0
    for index in range(len(away)):
        beyond += away[index] >= safe
    while least > 1 and beyond < enough:
        more = 0
        for index in range(len(away)):
            more += away[index] == least - 1
        if beyond >= FEW_FAR_SAMPLES and more > beyond:
            break
        least -= 1
        beyond += more
    left = 0
    for index in range(len(away)):
        if away[index] >= least:
            used[left] = index
            left += 1
    return left


@kernel
def _robust_mean(values: NDArray[np.float32], deviations: NDArray[np.float32]) -> float:
    """Mean of the samples near the median: as robust as the median, with less noise."""
    middle = _median(values)
    for index in range(len(values)):
        deviations[index] = abs(values[index] - middle)
    limit = max(MIN_INLIER_LEVELS, MAX_DEVIATIONS * _median(deviations))
    total, left = 0.0, 0
    for index in range(len(values)):
        if abs(values[index] - middle) <= limit:
            total += values[index]
            left += 1
    return total / left


@kernel
def _median(values: NDArray[np.float32]) -> float:
    """Median by quickselect; the order of `values` changes."""
    low, high, goal = 0, len(values) - 1, len(values) // 2
    while low < high:
        pivot, i, j = values[(low + high) // 2], low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if goal <= j:
            high = j
        elif goal >= i:
            low = i
        else:
            break
    return float(values[goal])
