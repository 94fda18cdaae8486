"""Laying: the planes of a foreground over those of a background.

Only the rectangle that is covered is touched, and only a band along its edges is blended; all of the picture where a
foreground is turned.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.align.placement import Placement, between_middles
from utils.image import Box, Size
from utils.image.geometry import Matrix, inverse
from utils.media.planes import Plane, Planes

SNAP_PX = 0.25
"""A foreground whose edges lie so near to whole px is laid on whole px: unchanged, if it is not scaled."""
EXACT_PX = 1e-6
Shares = NDArray[np.float32]


@dataclass(frozen=True)
class LaidPlane:
    """How a plane is laid over a larger or smaller one, by a matrix from pixels to pixels that scales and shifts."""

    size: Size
    over: Size
    matrix: Matrix
    blend_px: float

    def lay(self, own: Plane, onto: Plane) -> None:
        """Write a plane into another one."""
        if not self.box.size.area_px:
            return
        piece = self._piece(own)
        inner = self._inner
        onto[inner.slices] = piece[inner.within(self.box).slices]
        for band in self._bands():
            share = self._shares[band.within(self.box).slices]
            behind, over = onto[band.slices].astype(np.float32), piece[band.within(self.box).slices]
            onto[band.slices] = np.rint(behind + share * (over - behind))

    @cached_property
    def box(self) -> Box:
        """The pixels that are covered, also those that are so only in part."""
        low, high = self._edges
        left, top = (max(0, floor(each + 0.5 + EXACT_PX)) for each in low)
        ends = (min(side, ceil(each + 0.5 - EXACT_PX)) for each, side in zip(high, self.over, strict=True))
        right, bottom = (max(end, start) for end, start in zip(ends, (left, top), strict=True))
        return Box(left, top, right, bottom)

    @cached_property
    def _edges(self) -> tuple[list[float], list[float]]:
        """Where its edges lie in the other plane, left and top, and right and bottom."""
        low = self._corner - 0.5
        return low.tolist(), (low + self._laid).tolist()

    @cached_property
    def _laid(self) -> Size:
        """The size that it has there, in whole pixels, from which the true one differs by half a pixel at most."""
        return Size(*(max(1, round(side * float(self.matrix[axis, axis]))) for axis, side in enumerate(self.size)))

    @cached_property
    def _corner(self) -> NDArray[np.float64]:
        """Where its first pixel lies there, with its middle where that belongs."""
        middle = [(side - 1) / 2 for side in self.size]
        return np.asarray((self.matrix @ np.array([*middle, 1]))[:2] - (np.array(self._laid) - 1) / 2, np.float64)

    def _piece(self, own: Plane) -> Plane:
        """What is in the box."""
        if self._laid != self.size:
            smaller = self._laid.area_px < self.size.area_px  # averages areas, so that nothing shimmers
            kind = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
            own = np.asarray(cv2.resize(own, self._laid, interpolation=kind), np.uint8)
        left, top = np.floor(self._corner + EXACT_PX).astype(int)
        right, down = (max(0.0, float(each)) for each in self._corner - (left, top))
        if max(right, down) > EXACT_PX:
            own = cv2.copyMakeBorder(own, 0, 1, 0, 1, cv2.BORDER_REPLICATE)
            kernels = _moving(right), _moving(down)
            own = np.asarray(cv2.sepFilter2D(own, cv2.CV_8U, *kernels, anchor=(2, 2), borderType=cv2.BORDER_REPLICATE))
        return own[self.box.within(Box(left, top, left, top)).slices]

    @cached_property
    def _inner(self) -> Box:
        """The part of the box in which nothing is blended."""
        ends = []
        for shares, start in zip(self._by_axis, self.box[:2], strict=True):
            full = np.flatnonzero(shares > 1 - EXACT_PX)
            ends.append((start + int(full[0]), start + int(full[-1]) + 1) if len(full) else (start, start))
        (left, right), (top, bottom) = ends
        return Box(left, top, right, bottom)

    def _bands(self) -> Iterator[Box]:
        """The rest of the box: above, below, left and right of that part."""
        box, inner = self.box, self._inner
        yield Box(box.left, box.top, box.right, inner.top)
        yield Box(box.left, inner.bottom, box.right, box.bottom)
        yield Box(box.left, inner.top, inner.left, inner.bottom)
        yield Box(inner.right, inner.top, box.right, inner.bottom)

    @cached_property
    def _shares(self) -> Shares:
        """How much of the foreground each pixel of the box shows."""
        across, down = self._by_axis
        return np.asarray(np.minimum(across[None], down[:, None]), np.float32)

    @cached_property
    def _by_axis(self) -> list[Shares]:
        """What share of it each pixel shows along an axis: less at an edge inside, and where it is covered in part."""
        shares = []
        for axis, (low, high) in enumerate(zip(*self._edges, strict=True)):
            at = np.arange(self.box[axis], self.box[axis + 2], dtype=np.float64)
            share = np.clip(np.minimum(at + 0.5, high) - np.maximum(at - 0.5, low), 0, 1)
            if self.blend_px and low > 0:
                share = np.minimum(share, (at - low) / self.blend_px)
            if self.blend_px and high < self.over[axis] - 1:
                share = np.minimum(share, (high - at) / self.blend_px)
            shares.append(np.asarray(np.clip(share, 0, 1), np.float32))
        return shares


@dataclass(frozen=True)
class TurnedPlane:
    """How a plane is laid over another one when it is turned, too."""

    size: Size
    over: Size
    matrix: Matrix
    blend_px: float

    def lay(self, own: Plane, onto: Plane) -> None:
        """Write a plane into another one."""
        laid = cv2.warpAffine(
            own, self.matrix[:2], self.over, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        onto[:] = np.rint(onto + self._shares * (laid - onto))

    @cached_property
    def _shares(self) -> Shares:
        """How much of the foreground each pixel shows: less towards its edges, by the distance to the nearest one."""
        down, across = np.indices((self.over.height_px, self.over.width_px), dtype=np.float64)
        back = inverse(self.matrix)
        scale = float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))
        nearest = np.full(down.shape, np.inf)
        for axis, side in enumerate(self.size):
            at = back[axis, 0] * across + back[axis, 1] * down + back[axis, 2]
            nearest = np.minimum(nearest, scale * np.minimum(at + 0.5, side - 0.5 - at))
        share = np.clip(nearest + 0.5, 0, 1)
        return np.asarray(
            np.minimum(share, np.clip(nearest / self.blend_px, 0, 1)) if self.blend_px else share, np.float32
        )


def _moving(part: float) -> Shares:
    """The kernel that moves pixels to the right by a part of one: cubic interpolation, as everywhere in OpenCV."""
    away = np.abs(np.array([2 - part, 1 - part, part, 1 + part]))
    a = -0.75
    near = ((a + 2) * away - (a + 3)) * away * away + 1
    far = ((a * away - 5 * a) * away + 8 * a) * away - 4 * a
    return np.asarray(np.where(away <= 1, near, far), np.float32)


def laid_planes(
    placement: Placement, size: Size, over: Size, blend_px: int, own: Planes, behind: Planes
) -> list[LaidPlane | TurnedPlane]:
    """How the three planes of a foreground of this size are laid over a background's."""
    matrix = matrix_of(placement, size)
    colour = inverse(behind.sited) @ matrix @ own.sited
    softness = float(inverse(behind.sited)[0, 0]) * blend_px
    if placement.turn:
        colours = TurnedPlane(Size.of(own.colours[0]), Size.of(behind.colours[0]), colour, softness)
        return [TurnedPlane(size, over, matrix, blend_px), colours, colours]
    laid = LaidPlane(Size.of(own.colours[0]), Size.of(behind.colours[0]), colour, softness)
    return [LaidPlane(size, over, matrix, blend_px), laid, laid]


def matrix_of(placement: Placement, size: Size) -> Matrix:
    """From pixels of the foreground to the background's; onto whole ones if its edges are that near to them."""
    if placement.turn:
        return np.vstack([between_middles(placement.matrix), [0, 0, 1]])
    low = np.array([placement.left, placement.top])
    high = low + placement.scale * np.array(size)
    if max(np.abs(edge - np.rint(edge)).max() for edge in (low, high)) < SNAP_PX:
        low, high = np.rint(low), np.rint(high)
    scale = (high - low) / size
    return np.array(
        [[scale[0], 0, low[0] + 0.5 * scale[0] - 0.5], [0, scale[1], low[1] + 0.5 * scale[1] - 0.5], [0, 0, 1]]
    )
