"""Holes filled: what no anchor shows is made up once, and then carried along as everything else is."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.guide.carried import CarriedFrame
from utils.flow import Flow, warped
from utils.image import RGB
from utils.place.inpainting import fill

BackTo = Callable[[int], Flow]
"""The flow from the frame at an index to the one before it."""


def filled(frames: Iterable[CarriedFrame], back: BackTo) -> Iterator[RGB]:
    """The frames without holes: from the frame before where that leads there, painted from around it elsewhere."""
    before: RGB | None = None
    for frame in frames:
        picture, hole = frame.picture, frame.holes > 0
        if before is not None and hole.any():
            flow = back(frame.index)
            known = hole & flow.valid
            picture = np.where(known[..., None], warped(before, flow), picture).astype(np.uint8)
            hole = hole & ~known
        before = _painted(picture, hole)
        yield before


def _painted(picture: RGB, hole: NDArray[np.bool_]) -> RGB:
    """A picture whose hole is continued from around it; one that is all hole stays as it is."""
    return fill(picture, hole, np.ones_like(hole)) if hole.any() and not hole.all() else picture
