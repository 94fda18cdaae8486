"""Colour drift: how far colours wander from window to window, judged on the frames that two windows both made."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.compose.person_frames import PersonFrames, shared
from pipeline.plan.stable_picture import StablePicture
from utils.image.metrics import MeanColour

SURE = 250


def colour_drift(frames: PersonFrames, stable: StablePicture) -> float:
    """The farthest that any window's colours of the person are from the first one's, Delta E; NaN with one window.

    The steps from each window to the next are added up, as they would be by an engine that goes on from its own work.
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
    """By how much one window's colours differ from those of the one before, in Lab, in their shared frames."""
    colours = MeanColour(), MeanColour()
    for one, other in shared(frames.windows[index - 1], frames.windows[index]):
        (matte,) = stable.analysis.mattes([one.index])
        into = stable.into(one.index, one.box)
        inside = np.asarray(cv2.warpPerspective(matte, into, one.box.size, flags=cv2.INTER_LINEAR)) > SURE
        for colour, placed in zip(colours, (one, other), strict=True):
            colour.add(placed.rgb, inside)
    return np.nan_to_num(colours[1].value - colours[0].value)
