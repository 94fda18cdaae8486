"""The grid that pictures are looked at on: coarse cells, which of them count, and what is taken away as too broad."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.size import Size

Picture = NDArray[np.float32]
SIGMA_PX, BLOCK_PX = 3.0, 8
"""The Gaussian that is taken away, and blocks of the chessboard, in cells."""
COUNTS = 0.5
"""A cell counts when so much of it lies where it should."""


@dataclass(frozen=True)
class Grid:
    """So many cells over a foreground; `border` is the share of each that lies in its border, None where all count."""

    size: Size
    border: Picture | None = None

    @classmethod
    def of(cls, size: Size, width_px: int, border_px: int = 0) -> "Grid":
        """A grid of this width over a foreground of this size, of which only a border counts, or all of it (0)."""
        cells = Size(width_px, max(8, round(width_px * size.height_px / size.width_px)))
        if not border_px:
            return cls(cells)
        ring = np.ones((size.height_px, size.width_px), np.float32)
        ring[border_px:-border_px, border_px:-border_px] = 0
        return cls(cells, np.asarray(cv2.resize(ring, cells, interpolation=cv2.INTER_AREA), np.float32))

    @cached_property
    def counted(self) -> NDArray[np.int64]:
        """The cells that count, of all in a row."""
        return np.arange(self.size.area_px) if self.border is None else np.flatnonzero(self.border > COUNTS)

    @cached_property
    def mask(self) -> Picture:
        """1 for each cell that counts, 0 for the others."""
        mask = np.zeros(self.size.area_px, np.float32)
        mask[self.counted] = 1
        return mask.reshape(self.size.height_px, self.size.width_px)

    @cached_property
    def half(self) -> NDArray[np.bool_]:
        """Which of the cells that count lie in every second block, as on a chessboard."""
        down, across = np.indices((self.size.height_px, self.size.width_px)) // BLOCK_PX
        return np.asarray(((down + across) % 2 == 0).ravel()[self.counted])

    @cached_property
    def blocks(self) -> Picture:
        """Which cells that count lie in which block, cells x blocks."""
        down, across = np.indices((self.size.height_px, self.size.width_px)) // BLOCK_PX
        numbers = (down * (across.max() + 1) + across).ravel()[self.counted]
        return np.asarray(numbers[:, None] == np.unique(numbers), np.float32)

    def high(self, picture: Picture) -> Picture:
        """A picture without what is broader than a few cells, which is averaged over those that count alone."""
        if self.border is None:
            return np.asarray(picture - cv2.GaussianBlur(picture, (0, 0), SIGMA_PX), np.float32)
        return np.asarray(
            (picture - cv2.GaussianBlur(picture * self.mask, (0, 0), SIGMA_PX) / self._around) * self.mask
        )

    @cached_property
    def _around(self) -> Picture:
        return np.asarray(np.maximum(cv2.GaussianBlur(self.mask, (0, 0), SIGMA_PX), 1e-3))
