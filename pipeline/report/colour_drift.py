"""Colour drift: how far the person's colours wander from window to window, measured on their shared frames."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.compose.person_frames import PersonFrames, shared
from pipeline.plan.stable_picture import StablePicture
from utils.image.metrics import MeanColour

SURE = 250
"""Pixels of the matte from this value on are the person's alone."""


def colour_drift(frames: PersonFrames, stable: StablePicture) -> float:
    """The largest distance, in Delta E, of any window's colours from the first one's; NaN with one window.

    The differences from each window to the next are added up, because they share no frames with the first one.
    """
    away, farthest = np.zeros(3), float("nan")
    for after in frames.windows[1:]:
        if after.plan.overlap:
            away = away + _step(frames, stable, after.plan.index)
            farthest = float(np.nanmax([farthest, np.linalg.norm(away)]))
        else:
            away = np.zeros(3)
    return farthest


def _step(frames: PersonFrames, stable: StablePicture, index: int) -> NDArray[np.float64]:
    """The difference in Lab between a window's mean colour and that of the window before, in their shared frames."""
    colours = MeanColour(), MeanColour()
    for one, other in shared(frames.windows[index - 1], frames.windows[index]):
        (matte,) = stable.analysis.mattes([one.index])
        frame_to_crop = stable.frame_to_crop(one.index, one.box)
        inside = np.asarray(cv2.warpPerspective(matte, frame_to_crop, one.box.size, flags=cv2.INTER_LINEAR)) > SURE
        for colour, placed in zip(colours, (one, other), strict=True):
            colour.add(placed.rgb, inside)
    return np.nan_to_num(colours[1].value - colours[0].value)
