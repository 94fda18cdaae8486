"""Shows a matte over its picture: the person in their own colours with a bright outline, all else dark and grey."""

import cv2
import numpy as np

from utils.image import RGB
from utils.people.matte import Mask

DARK = 0.35
"""The brightness of what is not the person."""
OUTLINE = (255, 64, 192)
OUTLINE_SHARE = 1 / 540
"""Width of the outline, as a share of the picture's height."""


def shown_matte(rgb: RGB, matte: Mask) -> RGB:
    """A picture in which the matte is seen at a glance."""
    grey = cv2.cvtColor(cv2.convertScaleAbs(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), alpha=DARK), cv2.COLOR_GRAY2RGB)
    alpha = matte[..., None].astype(np.float32) / 255
    result: RGB = np.rint(grey + alpha * (rgb.astype(np.float32) - grey)).astype(np.uint8)
    width_px = max(1, round(OUTLINE_SHARE * rgb.shape[0]))
    contours, _ = cv2.findContours((matte > 127).view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(result, contours, -1, OUTLINE, width_px, cv2.LINE_AA)
    return result
