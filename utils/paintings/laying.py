"""Lays a painted picture over a view of its frame: by one resampling, or by none where it is moved by whole pixels."""

from typing import Any

import cv2
import numpy as np

from utils.image import RGB, Size
from utils.image.geometry import Matrix, corners, moved
from utils.image.picture_file import RGBA

KERNEL = cv2.INTER_CUBIC
"""As source pixels are shown to an engine."""
WHOLE_PX = 0.02
"""A move that is this near to whole pixels everywhere is one, and nothing is resampled."""


def laid_over(view: RGB, painting: RGBA, to_view: Matrix) -> RGB:
    """A picture over a view, in which it is moved; the view shows through where it is transparent, and beyond it."""
    part = _whole_pixels(painting, to_view, Size.of(view))
    if part is not None:
        return _over(view, part[..., :3] * (part[..., 3:] / np.float32(255)), part[..., 3])
    opaque = painting[..., 3].astype(np.float32)
    colours = painting[..., :3] * (opaque[..., None] / np.float32(255))
    size = Size.of(view)
    colours = cv2.warpPerspective(colours, to_view, size, flags=KERNEL, borderMode=cv2.BORDER_REPLICATE)
    opaque = cv2.warpPerspective(opaque, to_view, size, flags=KERNEL, borderMode=cv2.BORDER_REPLICATE)
    reaches = cv2.warpPerspective(np.ones(painting.shape[:2], np.uint8), to_view, size, flags=cv2.INTER_NEAREST)
    opaque = np.where(reaches > 0, np.clip(opaque, 0, 255), np.float32(0))
    return _over(view, np.clip(colours, 0, opaque[..., None]), opaque)  # the kernel overshoots at edges


def _whole_pixels(painting: RGBA, to_view: Matrix, size: Size) -> RGBA | None:
    """The part of a picture that a view shows, if it is moved by whole pixels; transparent beyond the picture."""
    own = corners(Size.of(painting))
    moves = moved(to_view, own) - own
    right, down = np.rint(moves.mean(axis=0)).astype(int)
    if np.abs(moves - (right, down)).max() > WHOLE_PX:
        return None
    result = np.zeros((size.height_px, size.width_px, 4), np.uint8)
    height, width = painting.shape[:2]
    left, top, last, bottom = max(0, right), max(0, down), min(size[0], right + width), min(size[1], down + height)
    if left < last and top < bottom:
        result[top:bottom, left:last] = painting[top - down : bottom - down, left - right : last - right]
    return result


def _over(view: RGB, colours: np.ndarray[Any, Any], opaque: np.ndarray[Any, Any]) -> RGB:
    """Colours, multiplied by how opaque they are, over a view."""
    through = (255 - opaque[..., None].astype(np.float32)) / 255
    return np.asarray(np.clip(np.rint(colours + through * view), 0, 255), np.uint8)
