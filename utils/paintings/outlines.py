"""Outlines: what a picture keeps when it is painted, as strengths of edges, and how alike those of two pictures are.

Colours, light and texture change under a brush; where things end hardly does. Strengths are relative to those around,
so that a faint outline counts beside a strong one.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, Size
from utils.image.geometry import Matrix
from utils.image.picture_file import RGBA

Floats = NDArray[np.float32]

COMPARED_PX = 20.0
"""Of pictures whose longer side is 320 px: the radius within which an edge is strong or faint."""
FAINT_LEVELS = 4.0
"""Edges of so few levels count half."""
BLUR_PX = 1.2
BESIDE_PX = 3
"""How far around what is opaque the outline counts."""
LEAST_SHARE = 0.02
"""Of a frame: a picture that shows less of it cannot be compared."""

LEAST_SPREAD = 1e-5
"""Variance of strengths below which there is nothing to compare."""


@dataclass(frozen=True)
class Outlines:
    """Strengths of edges (H x W), and where they are known, 0 to 1."""

    strengths: Floats
    known: Floats

    @classmethod
    def of(cls, picture: RGB | RGBA, size: Size) -> "Outlines":
        """The outlines of a picture scaled to a size; of what is opaque, if not all of it is."""
        small = _reduced(picture, size)
        if picture.shape[2] == 3 or picture[..., 3].min() == 255:
            return cls(_edges(small[..., :3]), np.ones(small.shape[:2], np.float32))
        opaque = small[..., 3:] / np.float32(255)
        mean = (small[..., :3] * opaque).sum((0, 1)) / max(1.0, float(opaque.sum()))
        laid = np.asarray(small[..., :3] * opaque + mean * (1 - opaque), np.float32)
        beside = cv2.dilate(opaque, np.ones((2 * BESIDE_PX + 1, 2 * BESIDE_PX + 1)))
        return cls(_edges(np.dstack([laid, small[..., 3:]])), np.asarray(beside, np.float32))

    @property
    def size(self) -> Size:
        """The size of the pictures that are compared."""
        return Size.of(self.strengths)

    @cached_property
    def moments(self) -> tuple[Floats, Floats]:
        """Fourier transforms of strengths and their squares, padded so that shifts do not wrap around."""
        return self.transformed(self.strengths), self.transformed(self.strengths**2)

    def transformed(self, values: Floats) -> Floats:
        """The Fourier transform of values in the padded picture."""
        height, width = values.shape
        padded = np.zeros((cv2.getOptimalDFTSize(2 * height), cv2.getOptimalDFTSize(2 * width)), np.float32)
        padded[:height, :width] = values
        return np.asarray(cv2.dft(padded), np.float32)

    def laid(self, matrix: Matrix, size: Size) -> "Outlines":
        """The outlines moved into a picture of another size."""
        moved = cv2.warpPerspective(np.dstack([self.strengths, self.known]), matrix, size, flags=cv2.INTER_LINEAR)
        return Outlines(np.ascontiguousarray(moved[..., 0]), np.ascontiguousarray(moved[..., 1]))


def likeness(one: Outlines, other: Outlines) -> float:
    """The correlation of two pictures' outlines where both are known, -1 to 1; 0 where that is too little."""
    weights = one.known * other.known
    total = float(weights.sum())
    if total < LEAST_SHARE * weights.size:
        return 0.0
    first, second = (each.strengths - float((weights * each.strengths).sum()) / total for each in (one, other))
    spread = float((weights * first**2).sum()) * float((weights * second**2).sum())
    return float((weights * first * second).sum() / np.sqrt(max(spread, (LEAST_SPREAD * total) ** 2)))


def best_shift(frame: Outlines, picture: Outlines, reach_px: int) -> tuple[float, tuple[int, int]]:
    """The shift of a picture, of the frame's own size, at which it is most like the frame, and how alike they are."""
    known = picture.known
    total = float(known.sum())
    if total < LEAST_SHARE * known.size:
        return 0.0, (0, 0)
    centred = known * (picture.strengths - float((known * picture.strengths).sum()) / total)
    across = _correlated(frame.moments[0], frame.transformed(np.asarray(centred, np.float32)), reach_px)
    weight = frame.transformed(known)
    mean, square = (_correlated(each, weight, reach_px) / total for each in frame.moments)
    own = float((centred**2 / np.maximum(known, 1e-6)).sum())
    spread = np.maximum(square - mean**2, LEAST_SPREAD) * total * max(own, LEAST_SPREAD * total)
    alike = across / np.sqrt(spread)
    row, column = np.unravel_index(int(alike.argmax()), alike.shape)
    return float(alike[row, column]), (int(column) - reach_px, int(row) - reach_px)


def _correlated(frame: Floats, picture: Floats, reach_px: int) -> Floats:
    """The correlation of two Fourier transforms for all shifts up to a reach, down and to the right."""
    whole = cv2.dft(cv2.mulSpectrums(frame, picture, 0, conjB=True), flags=cv2.DFT_INVERSE | cv2.DFT_SCALE)
    rolled = np.roll(whole, (reach_px, reach_px), (0, 1))
    return np.asarray(rolled[: 2 * reach_px + 1, : 2 * reach_px + 1], np.float32)


def _reduced(picture: RGB | RGBA, size: Size) -> Floats:
    """A picture scaled to a size, in levels; it is not resampled where it has that size."""
    if Size.of(picture) == size:
        return picture.astype(np.float32)
    shrinks = size.area_px < Size.of(picture).area_px
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(small, np.float32)


def _edges(levels: Floats) -> Floats:
    """The strengths of edges in levels of several channels: the strongest of these, relative to what is around."""
    soft = cv2.GaussianBlur(levels, (0, 0), BLUR_PX)
    right, down = cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=0.25), cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=0.25)
    strong = np.sqrt((right**2 + down**2).max(axis=2))
    around_px = max(2.0, COMPARED_PX * max(levels.shape[:2]) / 320)
    around = cv2.GaussianBlur(strong, (0, 0), around_px)
    return np.asarray(strong / (strong + around + FAINT_LEVELS), np.float32)
