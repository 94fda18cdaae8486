"""Relief: the shape of a person, estimated from blurred mattes, enough to light edges and model forms."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.looks.kernels import Bytes, Floats
from pipeline.engines.looks.picture import Picture, blurred

_EDGE_PX, _LIMB_PX, _BODY_PX = 1.1, 3.0, 7.0
"""Standard deviations of the Gaussians for edges, limbs and body, in px of the quarter-size matte, for a brush of 1."""


@dataclass(frozen=True)
class Relief:
    """The slope of a person's surface at edges, limbs and body, at a quarter of the size."""

    picture: Picture

    def rim(self, x: float, y: float) -> Floats:
        """Rim light, 0..1, from behind in the direction (x, y): thin, and bright at the edge."""
        slope = self._slope(_EDGE_PX * self.picture.unit, x, y)
        return np.asarray(np.clip(3.2 * slope, 0, 1) * self.picture.person, np.float32)

    def turned(self, x: float, y: float) -> Floats:
        """Shading of a rounded body, -1 (away from the light) to 1 (towards it)."""
        unit = self.picture.unit
        slope = 5.0 * self._slope(_LIMB_PX * unit, x, y) + 9.0 * self._slope(_BODY_PX * unit, x, y)
        return np.asarray(np.tanh(slope) * self.picture.person, np.float32)

    def folds(self, x: float, y: float) -> Floats:
        """Shading of folds and faces, -1 to 1, with brighter parts of the picture taken as nearer."""
        share = self.picture.shrink / 4
        quarter = cv2.resize(self.picture.light, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        unit = self.picture.unit
        form = blurred(quarter, 1.2 * unit) - blurred(quarter, 5 * unit)
        return np.asarray(np.tanh(9 * unit * rising(form, -x, -y)), np.float32)

    def _slope(self, sigma_px: float, x: float, y: float) -> Floats:
        """The slope of the matte blurred by a Gaussian, scaled to be independent of its width."""
        return np.float32(sigma_px) * rising(blurred(self.picture.person, sigma_px), -x, -y)


def enlarged(quarter: NDArray[Any]) -> Bytes:
    """A quarter-size field of 0..255, enlarged to full size."""
    small = np.asarray(np.clip(np.rint(quarter), 0, 255), np.uint8)
    return np.asarray(cv2.resize(small, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR))


def rising(height: Floats, x: float, y: float) -> Floats:
    """The slope of a height field per pixel in the direction (x, y), by Sobel."""
    gx, gy = (cv2.Sobel(height, cv2.CV_32F, *axis, ksize=3, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    return np.asarray(cv2.addWeighted(gx, x, gy, y, 0), np.float32)
