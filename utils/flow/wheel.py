"""Flow as a picture: the direction is a hue of the Middlebury colour wheel, the length how saturated it is.

What does not move is white. Video models that are led by flow were trained on pictures of this kind.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from utils.flow.field import Vectors

_RED, _YELLOW, _GREEN, _CYAN, _BLUE, _PINK = (
    (255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255)
)  # fmt: skip
_ARCS = ((15, _RED, _YELLOW), (6, _YELLOW, _GREEN), (4, _GREEN, _CYAN), (11, _CYAN, _BLUE), (13, _BLUE, _PINK),
         (6, _PINK, _RED))  # fmt: skip
"""The wheel's six arcs: number of hues, first colour, and the colour that the next arc begins with."""
NO_MOTION = 255
"""Every channel of a pixel that does not move."""


def flow_colours(vectors: Vectors, full_px: float) -> NDArray[np.uint8]:
    """A picture of displacements; those of `full_px` and more are fully saturated."""
    wheel = _wheel()
    length = np.minimum(np.hypot(vectors[..., 0], vectors[..., 1]) / max(full_px, 1e-6), 1)[..., None]
    turn = np.arctan2(-vectors[..., 1], -vectors[..., 0]) / np.pi
    place = (turn + 1) / 2 * (len(wheel) - 1)
    before = np.floor(place).astype(np.intp)
    share = (place - before)[..., None]
    hue = (1 - share) * wheel[before] + share * wheel[(before + 1) % len(wheel)]
    colours: NDArray[np.uint8] = np.rint(255 * (1 - length * (1 - hue))).astype(np.uint8)
    return colours


@cache
def _wheel() -> NDArray[np.float32]:
    """The hues, each channel 0 to 1."""
    arcs = [np.linspace(first, last, count, endpoint=False) for count, first, last in _ARCS]
    return np.asarray(np.concatenate(arcs) / 255, np.float32)
