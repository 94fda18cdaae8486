"""Lays a look onto views: where it is wanted, as much as is wanted, fading out towards the inside of the edge."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.engines.base import View
from pipeline.engines.looks import look
from pipeline.engines.looks.kernels import Bytes, mixed
from pipeline.engines.looks.palette import Palette
from pipeline.engines.looks.picture import BLOCK, Picture
from pipeline.engines.looks.tone import Part, tone, weight
from utils.image import RGB, Box, Size

_MARGIN_PX = 24
"""As far as a stroke reaches."""
_FINE_UNIT = 1.5
"""A person up to this size is painted at full size: small faces need every pixel, and cost little."""
_THIN = 90
"""A limb thinner than the feather keeps its look in the middle; a speck this faint does not."""


@dataclass(frozen=True)
class Wish:
    """What the settings ask for."""

    look: str
    strength: float
    feather_px: int
    part: Part
    seed: int


class Brush:
    """A look ready for every view of a clip."""

    def __init__(self, wish: Wish, survey: Sequence[View], reference: RGB | None) -> None:
        self._wish = wish
        self._tone = tone(survey, wish.part)
        self._shrink = 1 if wish.part == "person" and self._tone.unit <= _FINE_UNIT else 2
        self._look = look(wish.look)(self._tone, wish.seed)
        self._palette: Palette | None = None
        if reference is not None and survey and wish.strength > 0:
            looked = [self._looked(view, Box(0, 0, *view.size)) for view in survey]
            self._palette = Palette(looked, [weight(view.matte, wish.part) for view in survey], reference)

    def __call__(self, view: View) -> RGB:
        """The view with the look laid on; elsewhere its own pixels."""
        made = view.rgb.copy()
        share = self._share(view.matte)
        box = _touched(share)
        if box.size.width_px and box.size.height_px:
            made[box.slices] = mixed(view.rgb[box.slices], self._looked(view, box), share[box.slices])
        return made

    def _share(self, matte: Bytes) -> Bytes:
        """0..255: how much of the look each pixel gets; 0 wherever the part that is restyled is not."""
        share = weight(matte, self._wish.part)
        if self._wish.feather_px and self._wish.part != "both":
            share = _feathered(share, self._wish.feather_px)
        return np.asarray(cv2.convertScaleAbs(share, alpha=self._wish.strength))

    def _looked(self, view: View, box: Box) -> RGB:
        """The look in a box of a view, in full."""
        cut, inner = _cut(view, box)
        made = self._look(Picture(*cut, self._tone.unit, self._shrink))[inner.slices]
        return self._palette(made) if self._palette else made


def _feathered(share: Bytes, feather_px: int) -> Bytes:
    """Fading to nothing at the edge from within; what is thinner than the feather keeps its middle."""
    part = _touched(share).grown(3 * feather_px, Size.of(share)).slices
    faded = np.zeros_like(share)
    faded[part] = _fading(share[part], feather_px)
    return faded


def _fading(share: Bytes, feather_px: int) -> Bytes:
    soft = cv2.GaussianBlur(share, (0, 0), feather_px / 2, borderType=cv2.BORDER_REPLICATE)
    inside = cv2.subtract(soft, 127)
    ridge = cv2.dilate(inside, np.ones((2 * feather_px + 1,) * 2, np.uint8))
    level = cv2.divide(inside, np.maximum(ridge, _THIN // 2), scale=255)
    return np.asarray(cv2.multiply(share, level, scale=1 / 255))


def _touched(share: Bytes) -> Box:
    left, top, width, height = cv2.boundingRect(share)
    return Box(left, top, left + width, top + height)


def _cut(view: View, box: Box) -> tuple[tuple[Bytes, Bytes, tuple[int, int]], Box]:
    """A box of a view with a margin, on the stable picture's own grid of blocks; and where the box lies in it."""
    x, y = view.corner
    left, top = ((edge - _MARGIN_PX + at) // BLOCK * BLOCK - at for edge, at in ((box.left, x), (box.top, y)))
    right, bottom = (-(-(e + _MARGIN_PX + at) // BLOCK) * BLOCK - at for e, at in ((box.right, x), (box.bottom, y)))
    size = view.size
    inside = Box(left, top, right, bottom) & Box(0, 0, *size)
    sides = (inside.top - top, bottom - inside.bottom, inside.left - left, right - inside.right)
    rgb, matte = (
        np.asarray(cv2.copyMakeBorder(picture[inside.slices], *sides, cv2.BORDER_REPLICATE))
        for picture in (view.rgb, view.matte)
    )
    inner = Box(box.left - left, box.top - top, box.right - left, box.bottom - top)
    return (rgb, matte, (x + left, y + top)), inner
