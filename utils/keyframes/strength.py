"""Motion made stronger or weaker: every surface goes a share of its own way, so the picture keeps its parts together.

A share of the motion field would not do: a pixel of a frame would take the motion of whatever is there in the frame,
and not of the surface that comes there when all moves less.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.keyframes.motion import Match
from utils.size import Size

CRACK_PX = 3
"""Side of the neighbourhood that closes the cracks between pixels that were moved apart."""
FAR_PX = (31, 127, 511, 2047)
"""Sides of the neighbourhoods that continue what lies around a hole, ever larger until it is filled."""
BEYOND_SURE = 0.4
"""How sure a match is where the surface has left the frame on its whole way, and would not have on a share of it."""


def scaled_motion(match: Match, share: float) -> Match:
    """The match of a frame in which everything has moved `share` of its way from the key frame."""
    if share == 1:
        return match
    height, width = match.sure.shape
    rows, columns = np.indices((height, width), np.float32)
    there = np.float32(1 - share) * match.vectors
    row, column = np.rint(rows + there[..., 1]).astype(np.intp), np.rint(columns + there[..., 0]).astype(np.intp)
    order = np.argsort(match.sure, axis=None, kind="stable")  # the surest comes last, and so stays
    row, column = row.ravel()[order], column.ravel()[order]
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    values = np.zeros((height, width, 4), np.float32)
    sent = np.dstack([np.float32(share) * match.vectors, match.sure, np.ones_like(match.sure)]).reshape(-1, 4)
    values[row[inside], column[inside]] = sent[order][inside]
    closed = _closed(values, CRACK_PX)
    missing = closed[..., 3] == 0
    sure = np.where(missing, np.float32(BEYOND_SURE) * _at_the_border(missing), closed[..., 2])
    for side_px in FAR_PX:
        closed = _closed(closed, side_px)
    return Match(np.ascontiguousarray(closed[..., :2]), sure.astype(np.float32))


def _closed(values: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    """Values with those that are missing (the last channel is 0) taken as the mean of those around."""
    around = cv2.blur(values * values[..., 3:], (side_px, side_px), borderType=cv2.BORDER_CONSTANT)
    mean = around / np.maximum(around[..., 3:], 1e-6)
    mean[..., 3] = around[..., 3] > 1e-6
    return np.asarray(np.where(values[..., 3:] > 0, values, mean), np.float32)


def _at_the_border(missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of what is missing that touch the edge of the picture."""
    count, labels = cv2.connectedComponents(missing.view(np.uint8))
    touching = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    found = np.isin(np.arange(count), touching[touching > 0])
    result: NDArray[np.bool_] = found[labels]
    return result


def identity(size: Size) -> Match:
    """The match of a frame with itself."""
    shape = (size.height_px, size.width_px)
    return Match(np.zeros((*shape, 2), np.float32), np.ones(shape, np.float32))
