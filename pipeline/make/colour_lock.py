"""Colour lock of a window: a colour map, fitted around the person, that undoes an engine's colour drift."""

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
"""Distance from the person, as a share of the height, beyond which pixels count as untouched by the engine."""


def colour_lock(stable: StablePicture, plan: WindowPlan, frames: Iterator[EngineFrame]) -> ColourLock:
    """The colour map of a window, fitted to every fourth frame."""
    lock = ColourLock()
    for index, frame in zip(plan.span, frames, strict=True):
        if index % EVERY == 0:
            (view,) = stable.views(Span(index, index + 1), plan.box)
            lock.observe(frame.rgb, view.rgb, _ring(view))
    lock.solve()
    return lock


def _ring(view: View) -> NDArray[np.uint8]:
    """Mask (0 or 255) of the pixels that a good engine leaves as they are in the source."""
    grow = 2 * max(2, round(RING_SHARE * view.matte.shape[0])) + 1
    near = cv2.dilate(view.matte, np.ones((grow, grow), np.uint8))
    return np.where(near == 0, 255, 0).astype(np.uint8)
