"""What the model is shown to paint a key: the frame, the part to paint, and reference pictures, all of one size."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.engines.diffusion.pictures import Mask
from utils.image import RGB, Box, Size, at_size, bounding_box

PAPER = 255
"""The white around a reference picture."""
MOST_ENLARGED = 2.0
"""A person far away is painted in a picture of up to so many times their size, for the model does small ones badly."""
MARGIN_SHARE = 0.03


@dataclass(frozen=True)
class Sheets:
    """The input of one call."""

    picture: RGB
    mask: Mask
    references: tuple[RGB, ...] = ()

    @classmethod
    def of(cls, picture: RGB, mask: Mask, references: tuple[RGB, ...], size: Size) -> "Sheets":
        """A frame and its part at the working size, with references put onto paper of that size."""
        small = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA))
        whole = np.where(small > 0, 255, 0).astype(np.uint8)
        return cls(at_size(picture, size), whole, tuple(on_paper(each, size) for each in references))


def working_size(size: Size, area_px: float, multiple: int, scale: float = 1.0) -> Size:
    """The size at which the model paints: of the window's shape, of at most an area, in its steps."""
    scale *= min(MOST_ENLARGED, (area_px / size.area_px) ** 0.5)
    width, height = (max(multiple, int(side * scale / multiple) * multiple) for side in size)
    return Size(width, height)


def on_paper(picture: RGB, size: Size) -> RGB:
    """A picture in the middle of white paper, as large as fits, but not enlarged further than frames are."""
    own = Size.of(picture)
    small = own.scaled(min(size.width_px / own.width_px, size.height_px / own.height_px, MOST_ENLARGED))
    sheet = np.full((size.height_px, size.width_px, 3), PAPER, np.uint8)
    left, top = (size.width_px - small.width_px) // 2, (size.height_px - small.height_px) // 2
    sheet[Box(left, top, left + small.width_px, top + small.height_px).slices] = at_size(picture, small)
    return sheet


def cut_out(picture: RGB, mask: Mask) -> RGB:
    """What a mask shows of a picture, with a little around it; the whole picture where it shows nothing."""
    box = bounding_box(mask)
    if box is None:
        return picture
    whole = Size.of(picture)
    return np.ascontiguousarray(picture[box.grown(round(MARGIN_SHARE * whole.height_px), whole).slices])
