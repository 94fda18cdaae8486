"""What of a picture the pose model is shown: it finds people who are large in what it sees, and one at a time."""

from collections.abc import Iterator

import numpy as np

from utils.image import RGB, Box, Size
from utils.people.model import Body

GROW_SHARE = 0.3
"""Of a box, on each side: how much is shown with it."""
LARGE_SHARE = 0.45
"""Of the picture: how large somebody is in whom the model is made to take interest."""
LARGEST_ZOOM = 2.0
"""What it holds on to when it is shown the whole picture afterwards."""


def whole(rgb: RGB) -> Box:
    """All of a picture."""
    height, width = rgb.shape[:2]
    return Box(0, 0, width, height)


def parts(rgb: RGB) -> Iterator[Box]:
    """Of a wide picture its left, middle and right: somebody small is larger there."""
    height, width = rgb.shape[:2]
    if width > height:
        for quarter in range(3):
            yield Box(quarter * width // 4, 0, (quarter + 2) * width // 4, height)


def placed(body: Body, part: Box, rgb: RGB) -> Body:
    """A body found in a part, in the whole picture."""
    mask = np.zeros(rgb.shape[:2], np.uint8)
    mask[part.slices] = body.mask
    return Body(body.keypoints + np.array([part.left, part.top], np.float32), body.confidence, mask)


def only(rgb: RGB, box: Box) -> RGB:
    """The picture with everything away from a box blackened."""
    height, width = rgb.shape[:2]
    part = box.grown(round(GROW_SHARE * max(box.size)), Size(width, height)) & whole(rgb)
    shown = np.zeros_like(rgb)
    shown[part.slices] = rgb[part.slices]
    return shown


def zoomed(rgb: RGB, box: Box) -> RGB:
    """A part in which somebody is large, and as far along and down as in the whole: there they are looked for next."""
    height, width = rgb.shape[:2]
    zoom = min(LARGEST_ZOOM, max(1.0, LARGE_SHARE * max(width, height) / max(1, *box.size)))
    size = Size(max(1, round(width / zoom)), max(1, round(height / zoom)))
    left = round((box.left + box.right) / 2 * (1 - 1 / zoom))
    top = round((box.top + box.bottom) / 2 * (1 - 1 / zoom))
    return rgb[Box(left, top, left + size.width_px, top + size.height_px).slices]
