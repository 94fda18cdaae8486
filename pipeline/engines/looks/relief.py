"""The roundness of a person, guessed from the matte: enough to light edges and turn forms."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.looks.kernels import Bytes, Floats
from pipeline.engines.looks.picture import Picture, blurred

_EDGE_PX, _LIMB_PX, _BODY_PX = 1.1, 3.0, 7.0
"""Of the quarter-size matte, for a brush of 1."""


@dataclass(frozen=True)
class Relief:
    """At a quarter of the size: how far the surface leans out of the picture plane at the edges, limbs and body."""

    picture: Picture

    def rim(self, x: float, y: float) -> Floats:
        """0..1: what light from behind, from this side, catches; thin and bright at the edge."""
        lean = self._lean(_EDGE_PX * self.picture.unit, x, y)
        return np.asarray(np.clip(3.2 * lean, 0, 1) * self.picture.person, np.float32)

    def turned(self, x: float, y: float) -> Floats:
        """-1..1: away from the light or towards it, rounded like a body."""
        unit = self.picture.unit
        lean = 5.0 * self._lean(_LIMB_PX * unit, x, y) + 9.0 * self._lean(_BODY_PX * unit, x, y)
        return np.asarray(np.tanh(lean) * self.picture.person, np.float32)

    def folds(self, x: float, y: float) -> Floats:
        """-1..1: the same for what the picture itself shows of cloth and face: brighter is taken as nearer."""
        share = self.picture.shrink / 4
        quarter = cv2.resize(self.picture.light, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        unit = self.picture.unit
        form = blurred(quarter, 1.2 * unit) - blurred(quarter, 5 * unit)
        return np.asarray(np.tanh(9 * unit * rising(form, -x, -y)), np.float32)

    def _lean(self, sigma_px: float, x: float, y: float) -> Floats:
        return np.float32(sigma_px) * rising(blurred(self.picture.person, sigma_px), -x, -y)


def enlarged(quarter: NDArray[Any]) -> Bytes:
    """A quarter-size field of 0..255 at full size."""
    small = np.asarray(np.clip(np.rint(quarter), 0, 255), np.uint8)
    return np.asarray(cv2.resize(small, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR))


def rising(height: Floats, x: float, y: float) -> Floats:
    """How much a relief rises per pixel in this direction."""
    gx, gy = (cv2.Sobel(height, cv2.CV_32F, *axis, ksize=3, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    return np.asarray(cv2.addWeighted(gx, x, gy, y, 0), np.float32)
