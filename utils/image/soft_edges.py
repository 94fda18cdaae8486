"""Soft edges of a picture, without a network: gradients that are strong at several scales, in three grey levels.

A gradient at one fine scale also shows grain and cloth; one at a coarse scale is broad and misplaced. Their geometric
mean is where both agree: outlines, as wide as the coarser of them, with little of what lies inside.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image.arrays import RGB

SCALES_SHARE = (1.2 / 512, 4 / 512)
"""The widths of the Gaussians, as shares of the picture's shorter side."""
FULL = 13.0
"""The gradient that counts as an edge in full: a change of lightness or colour of so many units of Lab a width."""
STEPS = 2
"""Levels above black; fewer levels carry no grey picture inside the edges, which a control network would follow."""


def soft_edges(rgb: RGB) -> NDArray[np.uint8]:
    """The edges of a picture, h x w: 0, 128 and 255."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    side_px = min(rgb.shape[:2])
    strengths = [_gradient(lab, max(0.7, share * side_px)) for share in SCALES_SHARE]
    edge = np.minimum(np.sqrt(strengths[0] * strengths[1]) / FULL, 1.0)
    levels = np.minimum(np.floor(edge * (STEPS + 1)) / STEPS, 1.0)
    return np.asarray(np.rint(255 * levels), np.uint8)


def _gradient(lab: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """How much a picture changes over the width of a Gaussian, at each pixel: the largest of its channels."""
    smooth = cv2.GaussianBlur(lab, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE)
    dx, dy = (cv2.Sobel(smooth, cv2.CV_32F, 1 - y, y, ksize=3, scale=1 / 8) for y in (0, 1))
    return np.asarray(sigma_px * np.sqrt(dx * dx + dy * dy).max(axis=2))
