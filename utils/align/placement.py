"""Placement: where a foreground lies in a background, and the part of a background's picture that is there."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.align.proxies import Luma, Proxies
from utils.size import Size


@dataclass(frozen=True)
class Placement:
    """The foreground's upper left corner in the background, in px of that, and how many of these one of its own is."""

    scale: float = 1.0
    left: float = 0.0
    top: float = 0.0

    def crop(self, luma: Luma, background: Proxies, size: Size, grid: Size) -> NDArray[np.float32]:
        """The part of a background proxy that a foreground of this size covers, on a grid."""
        fine = Size(2 * grid.width_px, 2 * grid.height_px)  # then averaged: one step would leave pixels out
        rows = []
        axes = zip(background.reduction, size, fine, (self.left, self.top), strict=True)
        for axis, (reduced, side_px, count, corner_px) in enumerate(axes):
            step = reduced * self.scale * side_px / count
            begin = 0.5 * step + reduced * corner_px - 0.5
            rows.append([step * (axis == 0), step * (axis == 1), begin])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cut = cv2.warpAffine(luma, np.array(rows), fine, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.resize(cut, grid, interpolation=cv2.INTER_AREA), np.float32)

    def differs_px(self, other: "Placement", size: Size) -> float:
        """How far apart two placements put the corners of a foreground, at most, in px of the background."""
        corners = np.array([[0, 0], [*size]])
        places = [np.array([each.left, each.top]) + each.scale * corners for each in (self, other)]
        return float(np.abs(places[0] - places[1]).max())
