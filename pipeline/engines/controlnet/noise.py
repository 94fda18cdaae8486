"""The noise that frames are made from: fixed in the stabilised picture, and moved along with what moves in it.

Fresh noise for each frame is what makes models that work frame by frame boil; with noise that moves along, an unchanged
surface is made from the same numbers again.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow import Flow, scaled
from utils.image import Size

Noise = NDArray[np.float32]
"""Channels x rows x columns, of one latent cell each."""

SIDE = 512
"""The field repeats after so many cells; it is larger than a picture."""


def field(seed: int, channels: int) -> Noise:
    """Normally distributed numbers for a plane that has no end."""
    return np.random.default_rng(seed).standard_normal((channels, SIDE, SIDE), np.float32)


def fixed(field: Noise, cells: Size, corner: tuple[int, int]) -> Noise:
    """The noise of a crop whose corner lies at these cells (right, down) of the stabilised picture."""
    columns = (np.arange(cells.width_px) + corner[0]) % SIDE
    rows = (np.arange(cells.height_px) + corner[1]) % SIDE
    return field[:, rows[:, None], columns]


def moved(own: Noise, source: Noise, flow: Flow) -> Noise:
    """The noise of a finished frame, moved along the flow to it; what the flow does not reach keeps its own.

    Cells are copied, for a mean of several would be weaker than noise is.
    """
    cells = Size(own.shape[2], own.shape[1])
    vectors = scaled(flow.vectors, cells)
    valid = cv2.resize(flow.valid.astype(np.uint8) * 255, cells, interpolation=cv2.INTER_AREA) > 127
    rows = np.rint(np.arange(cells.height_px)[:, None] + vectors[..., 1]).astype(int).clip(0, cells.height_px - 1)
    columns = np.rint(np.arange(cells.width_px) + vectors[..., 0]).astype(int).clip(0, cells.width_px - 1)
    return np.where(valid, source[:, rows, columns], own)
