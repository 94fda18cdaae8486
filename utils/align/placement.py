"""Placement: where a foreground lies in a background, and the part of a background's picture that is there."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.align.proxies import Luma, Proxies
from utils.size import Size

FINE_PX = 1.5
"""So many pixels of a proxy lie at most between places that are looked at; some of these are averaged for a cell."""


def between_middles(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A matrix (2 x 3) between places as one between pixels, which OpenCV counts from their middles."""
    shifted = matrix.copy()
    shifted[:, 2] += 0.5 * matrix[:, :2].sum(axis=1) - 0.5
    return shifted


def whole(luma: Luma, clip: Proxies, grid: Size) -> NDArray[np.float32]:
    """All of a proxy on a grid, by the filter of `Placement.crop`: the same picture looks the same in both clips."""
    return Placement().crop(luma, clip, clip.size, grid)


@dataclass(frozen=True)
class Placement:
    """The foreground's upper left corner in the background, in px of that, and how many of these one of its own is."""

    scale: float = 1.0
    left: float = 0.0
    top: float = 0.0
    turn: float = 0.0
    """How far it is turned around that corner, clockwise, in radians."""

    @property
    def matrix(self) -> NDArray[np.float64]:
        """From places in the foreground to places in the background, 2 x 3; places count from the pictures' corners."""
        along, across = self.scale * np.cos(self.turn), self.scale * np.sin(self.turn)
        return np.array([[along, -across, self.left], [across, along, self.top]])

    def crop(self, luma: Luma, background: Proxies, size: Size, grid: Size) -> NDArray[np.float32]:
        """The part of a background proxy that a foreground of this size covers, on a grid."""
        covered_px = self.scale * background.reduction[0] * size.width_px / grid.width_px
        times = max(2, int(np.ceil(covered_px / FINE_PX)))
        fine = Size(times * grid.width_px, times * grid.height_px)
        steps = [side / count for side, count in zip(size, fine, strict=True)]
        matrix = between_middles(np.array(background.reduction)[:, None] * self.matrix * np.array([*steps, 1.0]))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cut = cv2.warpAffine(luma, matrix, fine, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.resize(cut, grid, interpolation=cv2.INTER_AREA), np.float32)

    def upright(self, size: Size) -> "Placement":
        """This placement without a turn: the middle of a foreground of this size stays where it is."""
        if not self.turn:
            return self
        middle = np.array([size.width_px / 2, size.height_px / 2, 1.0])
        left, top = self.matrix @ middle - self.scale * middle[:2]
        return Placement(self.scale, float(left), float(top))

    def differs_px(self, other: "Placement", size: Size) -> float:
        """How far apart two placements put the corners of a foreground, at most, in px of the background."""
        corners = np.array([[0, 0, 1], [size.width_px, 0, 1], [0, size.height_px, 1], [*size, 1]])
        return float(np.abs(corners @ (self.matrix - other.matrix).T).max())
