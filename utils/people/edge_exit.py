"""Somebody partly outside the picture, coming or going, in whom the model sees nobody any more.

Their mask is carried on from a frame in which they were found, and what does not look like them there is taken away.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB
from utils.people.matte import refined
from utils.people.model import Body
from utils.people.pose import LANDMARKS

Mask = NDArray[np.uint8]

SIDE_PX = 640
"""The longer side of the pictures that are compared."""
MISFIT = 24.0
"""Levels by which what is carried may differ from what is there."""
AROUND_PX = 5
FEWEST_PX = 12
"""Of the picture's edge: who covers less has left."""


def at_edge(mask: Mask) -> bool:
    """Whether somebody is partly outside the picture."""
    edges = mask[0], mask[-1], mask[:, 0], mask[:, -1]
    return sum(int((edge > 127).sum()) for edge in edges) >= FEWEST_PX


def carried(body: Body, there: RGB, here: RGB) -> Body | None:
    """Somebody of one frame in the next or the one before, without joints; None when nothing of them is left."""
    height, width = body.mask.shape
    scale = min(1.0, SIDE_PX / max(height, width))
    size = max(16, round(scale * width)), max(16, round(scale * height))
    mask, before, now = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (body.mask, there, here))
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(_grey(now), _grey(before), None)
    x = np.arange(size[0], dtype=np.float32) + flow[..., 0]
    y = np.arange(size[1], dtype=np.float32)[:, None] + flow[..., 1]
    mask = cv2.remap(mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    looks = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    misfit = cv2.blur(cv2.absdiff(looks, now).max(axis=2).astype(np.float32), (AROUND_PX, AROUND_PX))
    mask[misfit >= MISFIT] = 0
    mask = _at_edges(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((AROUND_PX, AROUND_PX), np.uint8)))
    mask = refined(cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR), here)
    if not at_edge(mask):
        return None
    return Body(np.full((LANDMARKS, 2), np.nan, np.float32), np.zeros(LANDMARKS, np.float32), mask)


def _grey(rgb: RGB) -> Mask:
    grey: Mask = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return grey


def _at_edges(mask: Mask) -> Mask:
    """Without the pieces that do not reach the picture's edge."""
    _, labels = cv2.connectedComponents((mask > 127).view(np.uint8))
    edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    kept = np.isin(labels, edges[edges > 0]).view(np.uint8)
    pieces: Mask = mask * cv2.dilate(kept, np.ones((AROUND_PX, AROUND_PX), np.uint8))
    return pieces
