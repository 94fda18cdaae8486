"""Pictures on their way to a model and back: the size it works at, masks of what is made anew, and failed results."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import EngineFrame, View
from utils.image import RGB, Size

Mask = NDArray[np.uint8]
Floats = NDArray[np.float32]

GROWTH_SHARE = 0.02
"""How far the mask reaches beyond the person, as a share of the picture's height."""
FADE_SHARE = 0.008
"""How far the result fades into the source at the edge of the mask, as a share of the picture's height."""
BLACK = 4 / 255
"""A picture without anything brighter is taken for a failure, unless its source is as dark."""


def working_size(size: Size, area_px: float, multiple: int, scale: float = 1.0, most_enlarged: float = 1.0) -> Size:
    """The size at which a model works: of the window's shape, in its steps, within an area and an enlargement."""
    scale *= min(most_enlarged, (area_px / size.area_px) ** 0.5)
    width, height = (max(multiple, round(side * scale / multiple) * multiple) for side in size)
    return Size(width, height)


def part_mask(matte: Mask, part: str) -> Mask:
    """What of a picture is made anew: the person with some room around, all but the person, or everything."""
    if part == "both":
        return np.full_like(matte, 255)
    person = np.where(matte > 127, 255, 0).astype(np.uint8)
    near = _disc(GROWTH_SHARE * matte.shape[0])
    return np.asarray(cv2.dilate(person, near) if part == "person" else 255 - cv2.erode(person, near))


def faded(mask: Mask) -> Mask:
    """A mask with a soft edge inside, 0..255: how much of the result is shown."""
    near = _disc(FADE_SHARE * mask.shape[0])
    shrunk = cv2.erode(mask, near, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.min(cv2.blur(shrunk, near.shape, borderType=cv2.BORDER_REPLICATE), mask))


def problem(made: Floats, given: Iterable[RGB]) -> str | None:
    """What is wrong with pictures that a model made (0 to 1): not numbers, or black where the source is not."""
    if not np.isfinite(made).all():
        return "values that are no numbers"
    brightest = max(float(picture.max()) for picture in given) / 255
    return "black pictures" if float(made.max()) < BLACK < brightest else None


def levels(made: Floats) -> RGB:
    """A picture that a model made (0 to 1), in 8 bits."""
    return np.asarray(np.rint(255 * made), np.uint8)


def over_source(view: View, rgb: RGB, mask: Mask, part: str) -> EngineFrame:
    """A made frame with the source outside of its mask; a person keeps a matte, so that it can be put elsewhere."""
    if part == "person":
        return EngineFrame(np.where(mask[..., None] > 0, rgb, view.rgb), faded(mask))
    return EngineFrame(shown(view, rgb, mask))


def shown(view: View, rgb: RGB, mask: Mask) -> RGB:
    """A made frame over its view, at the size of the view."""
    alpha = resized(faded(mask), view.size).astype(np.float32)[..., None] / 255
    mixed = view.rgb + alpha * (resized(rgb, view.size).astype(np.float32) - view.rgb)
    return np.asarray(np.rint(mixed), np.uint8)


def resized(picture: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """A picture that a model made, enlarged to the size of its window."""
    if Size.of(picture) == size:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC))


def _disc(radius_px: float) -> Mask:
    """A disc for growing and shrinking masks, of at least one pixel around its middle."""
    side = 2 * max(1, round(radius_px)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
