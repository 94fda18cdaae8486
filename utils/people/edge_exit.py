"""Masks of a person who is entering or leaving at the picture's edge, where the pose model no longer detects them.

The mask is propagated by optical flow from the nearest frame with a detection; pixels whose colours do not match are
removed.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, Size
from utils.people.matte import refined
from utils.people.model import Body
from utils.people.pose import LANDMARKS

Mask = NDArray[np.uint8]

SIDE_PX = 640
"""Longer side at which the two frames are compared."""
MAX_DIFFERENCE = 24.0
"""Largest colour difference, in levels, between the warped frame and the actual one where the mask is kept."""
KERNEL_PX = 5
"""Side of the square for averaging the difference and for the morphology."""
MIN_EDGE_PX = 12
"""A mask that covers fewer pixels than this of the picture's edge belongs to a person who has left."""


def at_edge(mask: Mask) -> bool:
    """Whether the mask touches the picture's edge, so that the person is partly outside."""
    edges = mask[0], mask[-1], mask[:, 0], mask[:, -1]
    return sum(int((edge > 127).sum()) for edge in edges) >= MIN_EDGE_PX


def propagate_mask(body: Body, there: RGB, here: RGB) -> Body | None:
    """A person's mask in one frame (`there`) propagated to its neighbour (`here`), as a body without joints.

    None when nothing of the person is left at the picture's edge.
    """
    whole = Size.of(body.mask)
    size = whole.scaled(min(1.0, SIDE_PX / max(whole)), least_px=16)
    mask, before, now = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (body.mask, there, here))
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(_grey(now), _grey(before), None)
    x = np.arange(size[0], dtype=np.float32) + flow[..., 0]
    y = np.arange(size[1], dtype=np.float32)[:, None] + flow[..., 1]
    mask = cv2.remap(mask, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    warped = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    difference = cv2.blur(cv2.absdiff(warped, now).max(axis=2).astype(np.float32), (KERNEL_PX, KERNEL_PX))
    mask[difference >= MAX_DIFFERENCE] = 0
    mask = _pieces_at_edges(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((KERNEL_PX, KERNEL_PX), np.uint8)))
    mask = refined(cv2.resize(mask, whole, interpolation=cv2.INTER_LINEAR), here)
    if not at_edge(mask):
        return None
    return Body(np.full((LANDMARKS, 2), np.nan, np.float32), np.zeros(LANDMARKS, np.float32), mask)


def _grey(rgb: RGB) -> Mask:
    grey: Mask = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return grey


def _pieces_at_edges(mask: Mask) -> Mask:
    """The mask without the connected pieces that do not reach the picture's edge."""
    _, labels = cv2.connectedComponents((mask > 127).view(np.uint8))
    edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    kept = np.isin(labels, edges[edges > 0]).view(np.uint8)
    pieces: Mask = mask * cv2.dilate(kept, np.ones((KERNEL_PX, KERNEL_PX), np.uint8))
    return pieces
