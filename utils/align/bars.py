"""Bars: black rows and columns along the edges of a whole clip, which are no part of what it shows."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.align.placement import Placement, between_middles
from utils.align.proxies import Luma, Pictures, Proxies
from utils.size import Size

LOOKED_AT_FRAMES, LEAST_INNER = 24, 0.5
"""In how many frames bars are looked for, and how much of the picture's width and height must be left between them."""
BLACK, EVEN = 28.0, 6.0
"""A bar is darker than this, and its brightness strays by less, between its pixels as in time."""
WHOLE_PX = 1e-3


@dataclass(frozen=True)
class Bars:
    """How wide the bars of a clip are, in px, as far as its proxies show it; and how much is cut off with them."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0
    cut: tuple[int, int, int, int] = (0, 0, 0, 0)
    """On the same sides: also the pixels that are half bar, half picture."""

    @classmethod
    def of(cls, clip: Proxies) -> "Bars":
        """Those of a clip."""
        few = np.linspace(0, len(clip) - 1, min(LOOKED_AT_FRAMES, len(clip))).round().astype(int)
        pictures = np.array([clip.luma[int(index)] for index in few], np.float32)
        (left, right), (top, bottom) = (_ends(np.moveaxis(pictures, axis, 0)) for axis in (2, 1))
        across, down = (1 / each for each in clip.reduction)
        sides = ((left, across), (top, down), (right, across), (bottom, down))
        cut = [ceil((count + 1) * px) if count else 0 for count, px in sides]
        wide = [round(count * px) for count, px in sides]
        return cls(wide[0], wide[1], wide[2], wide[3], (cut[0], cut[1], cut[2], cut[3]))

    def __bool__(self) -> bool:
        return any(self.cut)

    def without(self, clip: Proxies) -> Proxies:
        """A clip without them."""
        if not self:
            return clip
        size = Size(clip.size.width_px - self.cut[0] - self.cut[2], clip.size.height_px - self.cut[1] - self.cut[3])
        return Proxies(_Inner(clip.luma, clip.reduction, (self.cut[0], self.cut[1]), size), clip.times_s, size)

    @property
    def corner(self) -> NDArray[np.float64]:
        """Where what is left begins."""
        return np.array(self.cut[:2], np.float64)

    def sentence(self, name: str) -> str:
        """What they are, for people."""
        sides = {"above": self.top, "below": self.bottom, "left": self.left, "right": self.right}
        found = {side: px for side, px in sides.items() if px}
        widths = sorted(set(found.values()))
        told = [f"{px} px {' and '.join(side for side in found if found[side] == px)}" for px in widths]
        return f"The {name} has black bars of about {', '.join(told)}, which are left out of what is compared."


@dataclass(frozen=True)
class _Inner:
    """The inner part of pictures, each cut when it is asked for."""

    pictures: Pictures
    reduction: tuple[float, float]
    corner: tuple[int, int]
    size: Size

    @cached_property
    def shape(self) -> tuple[int, ...]:
        width, height = (max(1, round(side * share)) for side, share in zip(self.size, self.reduction, strict=True))
        return len(self.pictures), height, width

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Luma:
        whole, (height, width) = self.pictures[index], self.shape[1:]
        left, top, across, down = self._box
        if max(abs(each - round(each)) for each in self._box) < WHOLE_PX:
            return whole[round(top) : round(top) + height, round(left) : round(left) + width]
        matrix = between_middles(np.array([[across / width, 0, left], [0, down / height, top]]))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(whole, matrix, (width, height), flags=flags), np.uint8)

    @cached_property
    def _box(self) -> tuple[float, ...]:
        """Left, top, width and height of what is cut, in pixels of the pictures."""
        across, down = self.reduction
        return self.corner[0] * across, self.corner[1] * down, self.size.width_px * across, self.size.height_px * down


def inside(placement: Placement, behind: Bars, own: Bars) -> Placement:
    """A placement of whole pictures as one of those without bars."""
    left, top = placement.matrix @ np.append(own.corner, 1.0) - behind.corner
    return Placement(placement.scale, float(left), float(top), placement.turn)


def outside(placement: Placement, behind: Bars, own: Bars) -> Placement:
    """A placement of pictures without bars as one of the whole ones."""
    left, top = placement.matrix @ np.append(-own.corner, 1.0) + behind.corner
    return Placement(placement.scale, float(left), float(top), placement.turn)


def _ends(pictures: NDArray[np.float32]) -> tuple[int, int]:
    """How many lines at either end are bars, of pictures whose lines are the first axis."""
    count = len(pictures)
    lines = pictures.reshape(count, -1)
    is_bar = (lines.mean(axis=1) < BLACK) & (lines.std(axis=1) < EVEN)
    inner = np.flatnonzero(~is_bar)
    if not len(inner) or inner[-1] - inner[0] + 1 < LEAST_INNER * count:
        return 0, 0
    return int(inner[0]), int(count - 1 - inner[-1])
