"""The brush: lays a look onto the part of a view that is restyled, at the chosen strength, with a feathered edge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.engines.base import View
from pipeline.engines.looks import Follower, Look, look
from pipeline.engines.looks.contrast import limited_at_border, limited_widely
from pipeline.engines.looks.kernels import Bytes, mixed
from pipeline.engines.looks.palette import Palette
from pipeline.engines.looks.picture import BLOCK, Picture
from pipeline.engines.looks.tone import Part, Tone, tone, weight
from utils.image import RGB, Box, Size, bounding_box

_MARGIN_PX = 24
"""How far around a box its pixels depend on: as far as a stroke reaches."""
_FINE_UNIT = 1.5
"""Persons up to this brush size are painted at full resolution: small faces need every pixel, and cost little."""
_THIN = 90
"""A limb thinner than the feather keeps its look along the middle, unless its feathered value is below this level."""


@dataclass(frozen=True)
class BrushSettings:
    """The settings that a brush needs."""

    look: str
    strength: float
    feather_px: int
    part: Part
    seed: int
    weights: tuple[float, ...] = ()
    """How much each reference picture counts, for a look that mixes them."""


class Brush:
    """A look, prepared for all views of a clip."""

    def __init__(self, settings: BrushSettings, samples: Sequence[View], references: Sequence[RGB]) -> None:
        self._settings = settings
        self._tone = tone(samples, settings.part)
        self._shrink = 1 if settings.part == "person" and self._tone.unit <= _FINE_UNIT else 2
        self._look = look(settings.look)(self._tone, settings.seed)
        self._follower = self._look if isinstance(self._look, Follower) else None
        self._palette: Palette | None = None
        if self._follower:
            self._follower.take_after(references, settings.weights)
        elif references and samples and settings.strength > 0:
            painted = [self._painted(view, np.full_like(view.matte, 255), Box(0, 0, *view.size)) for view in samples]
            self._palette = Palette(painted, [weight(view.matte, settings.part) for view in samples], references[0])

    def restart(self) -> None:
        """Begin a window: nothing of the views before is gone on from."""
        if self._follower:
            self._follower.restart()

    def __call__(self, view: View) -> RGB:
        """The view with the look laid on; elsewhere its own pixels."""
        picture = view.rgb.copy()
        laid = self._laid(view.matte)
        share = np.asarray(cv2.convertScaleAbs(laid, alpha=self._settings.strength))
        if box := (Box.of(share) if self._follower else bounding_box(share)):
            picture[box.slices] = mixed(view.rgb[box.slices], self._painted(view, laid, box), share[box.slices])
        return picture

    def _laid(self, matte: Bytes) -> Bytes:
        """How much of the look each pixel gets at full strength, 0..255; 0 outside the part that is restyled."""
        laid = weight(matte, self._settings.part)
        if self._settings.feather_px and self._settings.part != "both":
            laid = _feathered(laid, self._settings.feather_px)
        return laid

    def _painted(self, view: View, laid: Bytes, box: Box) -> RGB:
        """A box of a view in the look, at full strength; `laid` is how much of it each pixel gets."""
        part, inner = _aligned(view.corner, box)
        rgb, matte, shown = (_extended(picture, part) for picture in (view.rgb, view.matte, laid))
        corner = (view.corner[0] + part.left, view.corner[1] + part.top)
        seen = Picture(rgb, matte, shown, corner, self._tone.unit, self._shrink)
        painted = _steady(self._look, seen)
        toned = self._palette(painted) if self._palette else painted
        return limited_at_border(toned, seen)[inner.slices]


def _feathered(share: Bytes, feather_px: int) -> Bytes:
    """The share feathered inwards to 0 at its edge; what is thinner than the feather keeps its middle."""
    faded = np.zeros_like(share)
    if (box := bounding_box(share)) is None:
        return faded
    part = box.grown(3 * feather_px, Size.of(share)).slices
    faded[part] = _fading(share[part], feather_px)
    return faded


def _fading(share: Bytes, feather_px: int) -> Bytes:
    """A Gaussian ramp inwards from the edge, normalised by its largest value nearby."""
    soft = cv2.GaussianBlur(share, (0, 0), feather_px / 2, borderType=cv2.BORDER_REPLICATE)
    inside = cv2.subtract(soft, 127)
    ridge = cv2.dilate(inside, np.ones((2 * feather_px + 1,) * 2, np.uint8))
    level = cv2.divide(inside, np.maximum(ridge, _THIN // 2), scale=255)
    return np.asarray(cv2.multiply(share, level, scale=1 / 255))


def painter(name: str, tone: Tone, seed: int) -> Callable[[RGB], RGB]:
    """Paints whole pictures in a look, at full strength, without knowing of a person in them."""
    painted = look(name)(tone, seed)

    def paint(rgb: RGB) -> RGB:
        if isinstance(painted, Follower):
            painted.restart()
        part, inner = _aligned((0, 0), Box.of(rgb))
        nobody, shown = (np.full((part.size.height_px, part.size.width_px), level, np.uint8) for level in (0, 255))
        picture = Picture(_extended(rgb, part), nobody, shown, (part.left, part.top), tone.unit, 2)
        return _steady(painted, picture)[inner.slices]

    return paint


def _steady(look: Look, picture: Picture) -> RGB:
    """A picture in a look; one that goes on from the picture before is steady by that."""
    painted = look(picture)
    return painted if isinstance(look, Follower) else limited_widely(painted, picture)


def _aligned(corner: tuple[int, int], box: Box) -> tuple[Box, Box]:
    """A box of a view with a margin, aligned to the stable picture's grid of blocks; and the box within that one."""
    x, y = corner
    left, top = ((edge - _MARGIN_PX + at) // BLOCK * BLOCK - at for edge, at in ((box.left, x), (box.top, y)))
    right, bottom = (-(-(e + _MARGIN_PX + at) // BLOCK) * BLOCK - at for e, at in ((box.right, x), (box.bottom, y)))
    part = Box(left, top, right, bottom)
    return part, box.within(part)


def _extended(picture: Bytes, part: Box) -> Bytes:
    """A part of a picture; beyond the border the nearest pixel is repeated."""
    inside = part & Box.of(picture)
    sides = (inside.top - part.top, part.bottom - inside.bottom, inside.left - part.left, part.right - inside.right)
    return np.asarray(cv2.copyMakeBorder(picture[inside.slices], *sides, cv2.BORDER_REPLICATE))
