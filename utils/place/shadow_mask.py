"""A person's shadow: where a frame is darker than the clean background, next to the person."""

import cv2
import numpy as np
from numpy.typing import NDArray

FAINT, CLEAR = 0.965, 0.92
"""Shadow begins where this share of the light is left, and is one if somewhere this little is."""
BLACKEST = 0.1
"""Darker is not a shadow but a thing."""
TINT = 1.35
"""A shadow lets red and blue through about alike: beyond this ratio between them it is a thing."""
TOUCH_SHARE = 0.03
"""Of the picture's height: a shadow begins this near to the person."""
GROW = 3
"""Kernel, px of the small picture: the soft edge of a shadow."""


def shadow_mask(
    picture: NDArray[np.float32], clean: NDArray[np.float32], person: NDArray[np.bool_], known: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Of a small picture, h x w x 3, and the clean background in the same exposure: h x w, the person not included.

    `known` is where the clean background may be trusted.
    """
    if not person.any():
        return np.zeros(person.shape, np.bool_)
    kept = _smooth(picture, person, known) / np.maximum(_smooth(clean, person, known), 1.0)
    luma = kept @ np.array([0.299, 0.587, 0.114], np.float32)
    tint = kept[..., 0] / np.maximum(kept[..., 2], 1e-3)
    even = known & ~person & (luma > BLACKEST) & (tint < TINT) & (tint > 1 / TINT)
    faint, clear = even & (luma < FAINT), even & (luma < CLEAR)
    reach = 2 * max(1, round(TOUCH_SHARE * len(person))) + 1
    near = cv2.dilate(person.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    _, parts = cv2.connectedComponents((faint | person).astype(np.uint8), connectivity=8)
    touching = np.unique(parts[faint & near])
    real = np.unique(parts[clear])
    shade = np.isin(parts, touching) & np.isin(parts, real) & faint
    grown: NDArray[np.bool_] = cv2.dilate(shade.astype(np.uint8), np.ones((GROW, GROW), np.uint8)) > 0
    return grown & ~person


def _smooth(picture: NDArray[np.float32], person: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Without noise, and without the person's colours in it."""
    fit = (known & ~person).astype(np.float32)
    weight = cv2.blur(fit, (3, 3))[..., None]
    result: NDArray[np.float32] = cv2.blur(picture * fit[..., None], (3, 3)) / np.maximum(weight, 1e-3)
    return result
