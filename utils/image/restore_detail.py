"""What a picture lost on its way into another camera and back, given to what was painted over it meanwhile.

A picture that is moved twice is a little softer than it was. What it lost is known, and belongs to a repainted picture
as far as that shows the fine detail of the original: all of it where nothing was changed, none of it in flat paint.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB

FINE_PX = 5
"""Kernel: what is finer than this is detail."""
FAINT = 0.75
"""Levels of detail, over the three colours, below which nothing can be told of it."""

Signed = NDArray[np.int16]


def regained(painted: RGB, returned: RGB, original: RGB) -> RGB:
    """A repainted picture with the fine detail that the original had and lost when it came back; h x w x 3 each.

    `returned` is the original on the same way without paint: where `painted` is the same, the original comes out.
    """
    change, lost = _apart(painted, returned), _apart(original, returned)
    share = 1 - _fine(change) / (_fine(returned) + np.float32(FAINT))
    kept = cv2.multiply(lost, cv2.merge([np.maximum(share, 0)] * 3), dtype=cv2.CV_16S)
    result: RGB = cv2.add(painted, kept, dtype=cv2.CV_8U)
    return result


def _apart(one: RGB, other: RGB) -> Signed:
    result: Signed = cv2.subtract(one, other, dtype=cv2.CV_16S)
    return result


def _fine(picture: RGB | Signed) -> NDArray[np.float32]:
    """h x w: how strong the detail around each pixel is, in levels, over the three colours."""
    detail = cv2.absdiff(picture, cv2.blur(picture, (FINE_PX, FINE_PX)))
    total = cv2.transform(detail, np.ones((1, 3), np.float32))
    result: NDArray[np.float32] = cv2.blur(total.astype(np.float32), (FINE_PX, FINE_PX))
    return result
