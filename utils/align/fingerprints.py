"""Fingerprints: small high-passed pictures, in which the same moment of two clips looks alike.

Neither brightness nor contrast of a whole picture matters to them. Pixels that change in time count for more, and those
that never agree, such as a subtitle, for less.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.align.placement import Placement
from utils.align.proxies import Proxies
from utils.size import Size

Prints = NDArray[np.float32]
WIDTH_PX, SIGMA_PX, BLOCK_PX = 64, 3.0, 8
STILL_WEIGHT = 0.1
"""What a pixel counts that does not change at all, beside one that changes as most do."""


@dataclass(frozen=True)
class Fingerprints:
    """Those of both clips as vectors of unit length, n x pixels, with the weights of the pixels in them."""

    high_background: Prints
    high_foreground: Prints
    weights: Prints

    @classmethod
    def of(cls, background: Proxies, foreground: Proxies, placement: Placement) -> "Fingerprints":
        """Those of all frames, with the background cut to where the foreground lies."""
        grid = grid_of(foreground.size, WIDTH_PX)
        theirs = [high(placement.crop(luma, background, foreground.size, grid)) for luma in background.luma]
        own = [high(shrunk(luma, grid)) for luma in foreground.luma]
        changing = np.std(theirs, axis=0)
        weights = changing / max(float(changing.mean()), 1e-6) + STILL_WEIGHT
        return cls(np.array(theirs), np.array(own), np.asarray(weights, np.float32))

    def trusting(self, frames: NDArray[np.int64]) -> "Fingerprints":
        """With less weight for pixels that differ between frames of the foreground and those matched (-1: none)."""
        matched = np.flatnonzero(frames >= 0)
        if not len(matched):
            return self
        own, theirs = self.high_foreground[matched], self.high_background[frames[matched]]
        gain = float((own * theirs).sum()) / max(float((theirs * theirs).sum()), 1e-6)
        residual = ((own - np.float32(gain) * theirs) ** 2).mean(axis=0)
        trust = 1 / (1 + residual / max(float(np.median(residual)), 1e-6))
        return replace(self, weights=np.asarray(self.weights * trust, np.float32))

    @property
    def half(self) -> NDArray[np.bool_]:
        """Every second block of pixels, as on a chessboard: half of them, spread over the picture."""
        down, across = np.indices(self.weights.shape) // BLOCK_PX
        return np.asarray((down + across) % 2 == 0).ravel()

    @cached_property
    def units(self) -> tuple[Prints, Prints]:
        """The vectors of unit length, those of the background and those of the foreground."""
        root = np.sqrt(self.weights)
        return _unit(self.high_background * root), _unit(self.high_foreground * root)


def grid_of(size: Size, width_px: int) -> Size:
    """A grid of this width over a foreground."""
    return Size(width_px, max(8, round(width_px * size.height_px / size.width_px)))


def shrunk(luma: NDArray[np.uint8], grid: Size) -> Prints:
    """A whole picture on a grid."""
    return np.asarray(cv2.resize(luma, grid, interpolation=cv2.INTER_AREA), np.float32)


def high(picture: Prints) -> Prints:
    """A picture without what is broader than a few pixels."""
    return np.asarray(picture - cv2.GaussianBlur(picture, (0, 0), SIGMA_PX), np.float32)


def _unit(pictures: Prints) -> Prints:
    vectors = pictures.reshape(len(pictures), -1)
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-3), np.float32)
