"""Colour lock of a window: the colour map that undoes an engine's drift, found around the person, from no setting."""

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
"""Of the height: how far from the person the ring of untouched pixels begins."""


def colour_lock(stable: StablePicture, plan: WindowPlan, made: Iterator[EngineFrame]) -> ColourLock:
    """The map for a window, found in every fourth of its frames."""
    lock = ColourLock()
    for index, frame in zip(plan.span, made, strict=True):
        if index % EVERY == 0:
            (view,) = stable.views(Span(index, index + 1), plan.box)
            lock.observe(frame.rgb, view.rgb, _ring(view))
    lock.solve()
    return lock


def _ring(view: View) -> NDArray[np.uint8]:
    """Where a good engine leaves the source as it is."""
    grow = 2 * max(2, round(RING_SHARE * view.matte.shape[0])) + 1
    near = cv2.dilate(view.matte, np.ones((grow, grow), np.uint8))
    return np.where(near == 0, 255, 0).astype(np.uint8)
