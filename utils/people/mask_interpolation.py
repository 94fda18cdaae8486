"""The person in frames that were not measured, from the measured ones before and after.

Joints go straight from one to the other; masks are carried by the flow of the picture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, Box, Size
from utils.people.matte import SEEN, extent
from utils.people.model import Body

Grey = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Plane = NDArray[np.float32]

MISFIT = 6.0
"""Levels by which pictures may differ before a carried mask counts less."""
SIDE_PX = 384
"""Flow is measured with the person about so large; it costs as much at any size of the picture."""
GROW_SHARE = 0.12


class Between:
    """Fills in frames between two measured ones."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._flow.setUseSpatialPropagation(True)
        self._ends: tuple[tuple[RGB, RGB], Box, tuple[Grey, Grey]] | None = None

    def body(self, rgb: RGB, share: float, before: tuple[RGB, Body], after: tuple[RGB, Body]) -> Body:
        """Of one frame; `share` of the time from before to after has passed."""
        first, last = before[1], after[1]
        keypoints = (1 - share) * first.keypoints + share * last.keypoints
        known = np.isfinite(keypoints[:, 0])
        confidence = np.where(known, np.minimum(first.confidence, last.confidence), 0).astype(np.float32)
        return Body(keypoints.astype(np.float32), confidence, self._mask(rgb, share, before, after))

    def _mask(self, rgb: RGB, share: float, before: tuple[RGB, Body], after: tuple[RGB, Body]) -> Mask:
        """Both masks carried here; the nearer in time counts more, and the one whose picture fits better."""
        mask = np.zeros(rgb.shape[:2], np.uint8)
        boxes = [box for _, body in (before, after) if (box := extent(body.mask, SEEN)) is not None]
        if not boxes:
            return mask
        box = boxes[0] | boxes[-1]
        box = box.grown(round(GROW_SHARE * max(box.size)) + 2, Size.of(rgb))
        here = _grey(rgb, box)
        total, weights = np.zeros(here.shape, np.float32), np.zeros(here.shape, np.float32)
        there = self._small((before[0], after[0]), box)
        for (_, body), grey, weight in zip((before, after), there, (1 - share, share), strict=True):
            carried, misfit = self._carried(here, grey, body.mask[box.slices])
            fits = weight / (MISFIT * MISFIT + misfit * misfit)
            total += fits * carried
            weights += fits
        mask[box.slices] = cv2.resize((total / weights).astype(np.uint8), box.size, interpolation=cv2.INTER_LINEAR)
        return mask

    def _small(self, pair: tuple[RGB, RGB], box: Box) -> tuple[Grey, Grey]:
        """Both measured frames, grey and small; the same for all frames between them."""
        if (
            self._ends is None
            or self._ends[1] != box
            or any(a is not b for a, b in zip(self._ends[0], pair, strict=True))
        ):
            self._ends = pair, box, (_grey(pair[0], box), _grey(pair[1], box))
        return self._ends[2]

    def _carried(self, here: Grey, there: Grey, mask: Mask) -> tuple[Mask, Plane]:
        """The mask of there as it lies here, in the size of the grey pictures, and by how much the pictures differ."""
        height, width = here.shape
        flow = self._flow.calc(here, there, None)
        x = np.arange(width, dtype=np.float32) + flow[..., 0]
        y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
        mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        carried, picture = (
            cv2.remap(each, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for each in (mask, there)
        )
        misfit: Plane = cv2.boxFilter(cv2.absdiff(picture, here), cv2.CV_32F, (7, 7))
        return carried, misfit


def _grey(rgb: RGB, box: Box) -> Grey:
    """A part of a picture, grey, in the size in which flow is measured."""
    part = np.ascontiguousarray(rgb[box.slices])
    scale = min(1.0, SIDE_PX / max(box.size))
    size = (max(16, round(part.shape[1] * scale)), max(16, round(part.shape[0] * scale)))
    grey: Grey = cv2.cvtColor(cv2.resize(part, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return grey
