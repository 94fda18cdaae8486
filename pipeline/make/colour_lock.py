"""Colour lock of a window: a colour map, fitted where nothing is restyled, that undoes an engine's colour drift."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import EngineFrame, View
from pipeline.plan.stable_picture import StablePicture
from pipeline.plan.windows import WindowPlan
from utils.image.blending import ColourLock
from utils.media.timebase import Span

EVERY = 4
RING_SHARE = 0.03
"""Distance from the edge of what is restyled, as a share of the height, beyond which pixels count as untouched."""


def colour_lock(stable: StablePicture, plan: WindowPlan, frames: Iterator[EngineFrame], part: str) -> ColourLock:
    """The colour map of a window, fitted to every fourth frame; none where all of the picture is restyled."""
    lock = ColourLock()
    if part == "both":
        return lock
    for index, frame in zip(plan.span, frames, strict=True):
        if index % EVERY == 0:
            (view,) = stable.views(Span(index, index + 1), plan.box)
            lock.observe(frame.rgb, view.rgb, _kept(view, part))
    lock.solve()
    return lock


def _kept(view: View, part: str) -> NDArray[np.uint8]:
    """Mask (0 or 255) of the pixels that a good engine leaves as in the source."""
    side = 2 * max(2, round(RING_SHARE * view.matte.shape[0])) + 1
    edge = np.ones((side, side), np.uint8)
    kept = cv2.dilate(view.matte, edge) == 0 if part == "person" else cv2.erode(view.matte, edge) == 255
    return np.where(kept, 255, 0).astype(np.uint8)
