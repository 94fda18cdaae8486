"""The middle of many registered pictures at each pixel, of those samples alone in which the background is seen.

Each sample says how far from the person it was taken; where many are left the nearest are not used, for what a person
does to the light around them fades slowly.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, Box, Size

Mask = NDArray[np.uint8]

_Function = TypeVar("_Function", bound=Callable[..., Any])
BAND_PX = 64
"""Rows that are merged at a time."""
INLIER = 6.0
"""Levels of 255, at the least: samples that stray less from the middle one are averaged with it."""
SPREADS = 2.5
"""And those within this many median deviations."""
FEW = 5
"""So many samples from afar are not to be outvoted by more from nearby."""


def kernel(function: _Function) -> _Function:
    """Compiled on first use, kept on disk where a folder takes it; threads run it side by side."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(_Function, numba.njit(cache=True, **options)(function))
    except RuntimeError:
        return cast(_Function, numba.njit(**options)(function))


@dataclass(frozen=True)
class Layer:
    """A picture in a box of a larger one: h x w x 3, and h x w how far from the person each pixel lies, 0 unusable."""

    box: Box
    picture: RGB
    away: Mask

    def __post_init__(self) -> None:
        rows, columns = self.away.shape
        if self.picture.shape != (rows, columns, 3) or self.box.size != (columns, rows):
            raise ValueError(f"a picture of {self.picture.shape} in {self.box}")

    def inside(self, box: Box) -> tuple[slice, slice]:
        """Rows and columns of this layer's arrays that lie in a part of its box."""
        left, top = self.box.left, self.box.top
        return Box(box.left - left, box.top - top, box.right - left, box.bottom - top).slices


def merge(
    layers: Sequence[Layer], gains: NDArray[np.float32], size: Size, safe: int, enough: int
) -> tuple[NDArray[np.float32], Mask]:
    """Of n layers times n x 3 gains: a picture H x W x 3 of levels, and how many layers may be used at each pixel.

    Samples nearer to the person than `safe` are used only where fewer than `enough` lie farther. The picture is 0 where
    nothing was seen.
    """
    result = np.zeros((size.height_px, size.width_px, 3), np.float32)
    seen = np.zeros(result.shape[:2], np.uint8)
    bands = [Box(0, top, size.width_px, min(top + BAND_PX, size.height_px)) for top in range(0, len(seen), BAND_PX)]

    def one(band: Box) -> None:
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
        list(pool.map(one, bands))
    return result, seen


@kernel
def _medians(
    stack: NDArray[np.uint8], away: NDArray[np.uint8], gains: NDArray[np.float32], safe: int, enough: int,
    result: NDArray[np.float32], seen: NDArray[np.uint8],
) -> None:  # fmt: skip
    count, height, width = away.shape
    used, values, strays = np.empty(count, np.int64), np.empty(count, np.float32), np.empty(count, np.float32)
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
                result[row, column, channel] = _middle(values[:left], strays[:left])


@kernel
def _usable(away: NDArray[np.uint8], safe: int, enough: int, used: NDArray[np.int64]) -> int:
    """Which samples count: those from far enough, or the farthest ones there are; returns how many."""
    least, beyond = safe, 0
    for index in range(len(away)):
        beyond += away[index] >= safe
    while least > 1 and beyond < enough:
        more = 0
        for index in range(len(away)):
            more += away[index] == least - 1
        if beyond >= FEW and more > beyond:
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
def _middle(values: NDArray[np.float32], strays: NDArray[np.float32]) -> float:
    """The mean of the samples about the median: as robust, with less noise."""
    middle = _median(values)
    for index in range(len(values)):
        strays[index] = abs(values[index] - middle)
    limit = max(INLIER, SPREADS * _median(strays))
    total, left = 0.0, 0
    for index in range(len(values)):
        if abs(values[index] - middle) <= limit:
            total += values[index]
            left += 1
    return total / left


@kernel
def _median(values: NDArray[np.float32]) -> float:
    """The middle one, by selection; the order of `values` changes."""
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
