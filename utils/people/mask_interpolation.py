"""Interpolates a person's keypoints and mask in a frame that was not measured, from the measured ones around it.

Keypoints are interpolated linearly; masks are warped by the optical flow of the picture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow import fetched
from utils.image import RGB, Box, Size, bounding_box
from utils.people.matte import SEEN
from utils.people.model import Body

Grey = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Plane = NDArray[np.float32]

MISFIT = 6.0
"""Difference, in levels, between the warped and the actual picture at which a warped mask counts half."""
SIDE_PX = 384
"""Size of the person at which flow is measured; the cost is then the same at any size of the picture."""
GROW_SHARE = 0.12
"""Margin around the person's box, as a share of its longer side."""


class MaskInterpolator:
    """Fills in the frames between two measured ones."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._flow.setUseSpatialPropagation(True)
        self._ends: tuple[tuple[RGB, RGB], Box, tuple[Grey, Grey]] | None = None

    def body(self, rgb: RGB, share: float, before: tuple[RGB, Body], after: tuple[RGB, Body]) -> Body:
        """The person in one frame; `share` is how much of the time from `before` to `after` has passed (0 to 1)."""
        first, last = before[1], after[1]
        keypoints = (1 - share) * first.keypoints + share * last.keypoints
        known = np.isfinite(keypoints[:, 0])
        confidence = np.where(known, np.minimum(first.confidence, last.confidence), 0).astype(np.float32)
        return Body(keypoints.astype(np.float32), confidence, self._mask(rgb, share, before, after))

    def _mask(self, rgb: RGB, share: float, before: tuple[RGB, Body], after: tuple[RGB, Body]) -> Mask:
        """Both masks warped to this frame and averaged; the nearer in time and the better fitting one counts more."""
        mask = np.zeros(rgb.shape[:2], np.uint8)
        boxes = [box for _, body in (before, after) if (box := bounding_box(body.mask, SEEN)) is not None]
        if not boxes:
            return mask
        box = boxes[0] | boxes[-1]
        box = box.grown(round(GROW_SHARE * max(box.size)) + 2, Size.of(rgb))
        grey_here = _grey(rgb, box)
        total, weights = np.zeros(grey_here.shape, np.float32), np.zeros(grey_here.shape, np.float32)
        ends = self._small((before[0], after[0]), box)
        for (_, body), grey_end, weight in zip((before, after), ends, (1 - share, share), strict=True):
            warped, misfit = self._warped(grey_here, grey_end, body.mask[box.slices])
            fits = weight / (MISFIT * MISFIT + misfit * misfit)
            total += fits * warped
            weights += fits
        mask[box.slices] = cv2.resize((total / weights).astype(np.uint8), box.size, interpolation=cv2.INTER_LINEAR)
        return mask

    def _small(self, pair: tuple[RGB, RGB], box: Box) -> tuple[Grey, Grey]:
        """Both measured frames, grey and small; kept for all frames between them."""
        if (
            self._ends is None
            or self._ends[1] != box
            or any(a is not b for a, b in zip(self._ends[0], pair, strict=True))
        ):
            self._ends = pair, box, (_grey(pair[0], box), _grey(pair[1], box))
        return self._ends[2]

    def _warped(self, here: Grey, there: Grey, mask: Mask) -> tuple[Mask, Plane]:
        """A measured frame's mask warped to this frame, at the size of the grey pictures, and the difference."""
        mask = cv2.resize(mask, Size.of(here), interpolation=cv2.INTER_AREA)
        carried, picture = cv2.split(fetched(cv2.merge([mask, there]), self._flow.calc(here, there, None)))
        misfit: Plane = cv2.boxFilter(cv2.absdiff(picture, here), cv2.CV_32F, (7, 7))
        return carried, misfit


def _grey(rgb: RGB, box: Box) -> Grey:
    """The part of a picture inside a box, grey, at the size at which flow is measured."""
    part: Grey = cv2.cvtColor(rgb[box.slices], cv2.COLOR_RGB2GRAY)
    size = Size.of(part).scaled(min(1.0, SIDE_PX / max(box.size)), least_px=16)
    grey: Grey = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return grey
