"""Fingerprints: small high-passed pictures, in which the same moment of two clips looks alike.

Neither brightness nor contrast of a whole picture matters to them. Pixels that change in time count for more, and those
that never agree, such as a subtitle, for less.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from utils.align.grid import Grid
from utils.align.placement import Placement, whole
from utils.align.proxies import Proxies
from utils.size import Size

Prints = NDArray[np.float32]
Kept = NDArray[np.int16]
"""Pictures as they are kept, n x pixels, in half the memory: whole steps."""
STEPS = np.float32(64)
"""Steps for one level of brightness."""
WIDTH_PX, LEAST_WIDTH_PX, MOST_BYTES = 64, 24, 128 << 20
"""How wide they usually are, and narrower where those of one clip would take more than so many bytes."""
STILL_WEIGHT = 0.1
"""What a pixel counts that does not change at all, beside one that changes as most do."""
CHANGING_FRAMES, NEAREST_FRAMES = 600, 120
"""In how many frames it is looked which pixels change, and in how many which to trust."""
HELD_VALUES = 1 << 23
"""So many values are held as vectors; of longer clips, they are made again when they are asked for."""


@dataclass(frozen=True)
class Vectors:
    """Pictures as vectors of unit length, in which pixels have their weights."""

    pictures: Kept
    root: Prints
    """The root of each pixel's weight."""

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, which: "slice | NDArray[np.int64]") -> Prints:
        """The vectors of some frames, n x pixels."""
        return self._held[which] if self.pictures.size <= HELD_VALUES else self._made(self.pictures[which])

    @cached_property
    def _held(self) -> Prints:
        return self._made(self.pictures)

    def _made(self, pictures: Kept) -> Prints:
        vectors = pictures * self.root  # what a step is does not matter, for lengths become one
        vectors -= vectors.mean(axis=1, keepdims=True)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-3)
        return vectors


@dataclass(frozen=True)
class Fingerprints:
    """Those of both clips, and the weights of their pixels."""

    background: Kept
    foreground: Kept
    weights: Prints
    grid: Grid

    @classmethod
    def of(cls, background: Proxies, own: Kept, placement: Placement, size: Size, grid: Grid) -> "Fingerprints":
        """Those of a background, cut to where a foreground of this size lies, and those of that foreground."""
        theirs = np.empty((len(background), len(grid.counted)), np.int16)
        for index in range(len(background)):
            theirs[index] = _kept(grid, placement.crop(background.luma[index], background, size, grid.size))
        changing = np.std(theirs[_some(len(theirs), CHANGING_FRAMES)].astype(np.float32), axis=0)
        weights = changing / max(float(changing.mean()), 1e-6) + np.float32(STILL_WEIGHT)
        return cls(theirs, own, weights, grid)

    def averaged(self, background: int, foreground: int) -> "Fingerprints":
        """So many frames of each clip as one: what is coarse in time can be found without looking at every pair."""
        theirs, own = _averaged(self.background, background), _averaged(self.foreground, foreground)
        return replace(self, background=theirs, foreground=own)

    def trusting(self) -> "Fingerprints":
        """These fingerprints, with less weight for pixels that differ between frames and those nearest to them."""
        few = _some(len(self.own), NEAREST_FRAMES)
        nearest = (self.own[few] @ self.theirs[:].T).argmax(axis=1)
        own, theirs = (each.astype(np.float32) for each in (self.foreground[few], self.background[nearest]))
        gain = float((own * theirs).sum()) / max(float((theirs * theirs).sum()), 1e-6)
        residual = ((own - np.float32(gain) * theirs) ** 2).mean(axis=0)
        trust = 1 / (1 + residual / max(float(np.median(residual)), 1e-6))
        return replace(self, weights=np.asarray(self.weights * trust, np.float32))

    @cached_property
    def theirs(self) -> Vectors:
        """The vectors of the background."""
        return Vectors(self.background, np.sqrt(self.weights))

    @cached_property
    def own(self) -> Vectors:
        """The vectors of the foreground."""
        return Vectors(self.foreground, np.sqrt(self.weights))


def own_prints(foreground: Proxies, grid: Grid) -> Kept:
    """The fingerprints of a foreground, the same for every placement."""
    own = np.empty((len(foreground), len(grid.counted)), np.int16)
    for index in range(len(foreground)):
        own[index] = _kept(grid, whole(foreground.luma[index], foreground, grid.size))
    return own


def print_grid(size: Size, frames: int, width_px: int = WIDTH_PX, border_px: int = 0) -> Grid:
    """The grid of the fingerprints of clips of which the longer one has so many frames."""
    affordable_px = np.sqrt(MOST_BYTES / (2 * frames) * size.width_px / size.height_px)
    return Grid.of(size, int(min(width_px, max(LEAST_WIDTH_PX, affordable_px))), border_px)


def _kept(grid: Grid, picture: Prints) -> Kept:
    """A picture as it is kept: high-passed, the cells that count."""
    return np.asarray(np.rint(STEPS * grid.high(picture).ravel()[grid.counted]), np.int16)


def _some(count: int, most: int) -> NDArray[np.int64]:
    """Evenly spread indices, of all frames if these are few."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _averaged(pictures: Kept, frames: int) -> Kept:
    if frames == 1:
        return pictures
    starts = range(0, len(pictures), frames)
    means = np.empty((len(starts), pictures.shape[1]), np.int16)
    for number, start in enumerate(starts):
        means[number] = np.rint(pictures[start : start + frames].mean(axis=0, dtype=np.float32))
    return means
