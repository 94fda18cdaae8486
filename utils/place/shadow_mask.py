"""Shadow detection: where a frame is darker than the clean background, connected to the person."""

import cv2
import numpy as np
from numpy.typing import NDArray

FAINT, CLEAR = 0.965, 0.92
"""Hysteresis thresholds: a region with less light left than the first is a shadow if some of it is below the second."""
BLACKEST = 0.1
"""With less light left than this it is an object and not a shadow."""
TINT = 1.35
"""A shadow dims red and blue about equally; with a larger ratio between them it is an object."""
TOUCH_SHARE = 0.03
"""A shadow begins within this distance from the person, as a share of the picture's height."""
GROW = 3
"""Dilation kernel for the soft edge of a shadow, px of the small picture."""


def shadow_mask(
    picture: NDArray[np.float32], clean: NDArray[np.float32], person: NDArray[np.bool_], known: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Mask (h x w) of the person's shadow in a small picture, without the person.

    `clean` is the background in the same exposure; `known` marks where it is reliable.
    """
    if not person.any():
        return np.zeros(person.shape, np.bool_)
    light_left = _smooth(picture, person, known) / np.maximum(_smooth(clean, person, known), 1.0)
    luma = light_left @ np.array([0.299, 0.587, 0.114], np.float32)
    tint = light_left[..., 0] / np.maximum(light_left[..., 2], 1e-3)
    candidate = known & ~person & (luma > BLACKEST) & (tint < TINT) & (tint > 1 / TINT)
    faint, clear = candidate & (luma < FAINT), candidate & (luma < CLEAR)
    reach = 2 * max(1, round(TOUCH_SHARE * len(person))) + 1
    near = cv2.dilate(person.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    _, parts = cv2.connectedComponents((faint | person).astype(np.uint8), connectivity=8)
    touching = np.unique(parts[faint & near])
    dark_enough = np.unique(parts[clear])
    shade = np.isin(parts, touching) & np.isin(parts, dark_enough) & faint
    grown: NDArray[np.bool_] = cv2.dilate(shade.astype(np.uint8), np.ones((GROW, GROW), np.uint8)) > 0
    return grown & ~person


def _smooth(picture: NDArray[np.float32], person: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Box filter that leaves out the person's pixels and unknown ones."""
    usable = (known & ~person).astype(np.float32)
    weight = cv2.blur(usable, (3, 3))[..., None]
    result: NDArray[np.float32] = cv2.blur(picture * usable[..., None], (3, 3)) / np.maximum(weight, 1e-3)
    return result
