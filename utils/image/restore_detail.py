"""Restores the fine detail that a restyled picture lost by being warped to the stable view and back.

Two resamplings soften a picture. The loss is known from the original warped in the same way. It is added back to the
restyled picture as far as that shows the original's detail: all of it where nothing changed, none of it in flat paint.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB

FINE_PX = 5
"""Side of the box filter; structures finer than this are detail."""
REACH_PX = FINE_PX - 1
"""How far around a pixel its result depends on the pictures, by way of two box filters."""
FAINT = 0.75
"""Strength of detail, in levels summed over the colours, below which it is too weak to compare."""

Signed = NDArray[np.int16]


def restore_detail(painted: RGB, returned: RGB, original: RGB) -> RGB:
    """The restyled picture with the detail restored that the original lost between `original` and `returned`.

    `returned` is the original warped there and back without restyling: where `painted` equals it, the result is the
    original. All are h x w x 3.
    """
    change, lost = _difference(painted, returned), _difference(original, returned)
    share = 1 - _detail_strength(change) / (_detail_strength(returned) + np.float32(FAINT))
    restored = cv2.multiply(lost, cv2.merge([np.maximum(share, 0)] * 3), dtype=cv2.CV_16S)
    result: RGB = cv2.add(painted, restored, dtype=cv2.CV_8U)
    return result


def _difference(one: RGB, other: RGB) -> Signed:
    result: Signed = cv2.subtract(one, other, dtype=cv2.CV_16S)
    return result


def _detail_strength(picture: RGB | Signed) -> NDArray[np.float32]:
    """Strength of the detail around each pixel (h x w), in levels summed over the colours."""
    detail = cv2.absdiff(picture, cv2.blur(picture, (FINE_PX, FINE_PX)))
    total = cv2.transform(detail, np.ones((1, 3), np.float32))
    result: NDArray[np.float32] = cv2.blur(total.astype(np.float32), (FINE_PX, FINE_PX))
    return result
