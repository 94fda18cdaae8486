"""Compositing: the generated person back into the source's own camera, with one resample, over source or plate.

Where the matte is empty and the background is kept, pixels are the source's own, bit for bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.compose.person_frames import PlacedFrame
from pipeline.compose.result_camera import ResultCamera
from pipeline.plan.stable_picture import KERNEL, SEEN_KERNEL, StablePicture, warped
from utils.camera.tracking import Mask
from utils.feet.leg_warp import LegField
from utils.image import RGB, Box, Size
from utils.image.geometry import Matrix, corners, inverse, moved, shift
from utils.image.restore_detail import restore_detail
from utils.media.video import Frame

Restyled = Literal["person", "background", "both"]
Bending = Callable[[PlacedFrame], LegField | None]
"""How a generated picture is to be bent before it is shown, in px of it: what holds its feet."""

SURE_PX = 0.25
"""A pixel that is bent by more than this is taken from the generated picture, be it person, shadow or ground, unless
the engine says itself what of its picture is the person."""
REACH_PX = 4
"""More than any kernel reaches."""
GROW_SHARE = 0.01
"""Of the height: how far around the source's person the plate takes its place, when another one stands there."""


@dataclass(frozen=True)
class Backdrop:
    """The place without the person: behind everything, or only where the source's person is not covered any more."""

    behind: Callable[[Frame, Mask], RGB]
    everywhere: bool

    def under(self, frame: Frame, matte: Mask) -> RGB:
        """What the generated person is laid over."""
        place = self.behind(frame, matte)
        if self.everywhere:
            return place
        grow = 2 * round(GROW_SHARE * matte.shape[0]) + 1
        return over(frame.rgb, place, cv2.GaussianBlur(cv2.dilate(matte, np.ones((grow, grow), np.uint8)), (5, 5), 0))


@dataclass(frozen=True)
class Compositor:
    """Lays generated frames into source frames."""

    stable: StablePicture
    restyled: Restyled
    feather_px: int
    bending: Bending
    camera: ResultCamera
    backdrop: Backdrop | None = None

    def frame(self, frame: Frame, matte: Mask, placed: PlacedFrame | None, source: RGB | None = None) -> RGB:
        """The finished picture of a frame, which is given with its matte as the result's camera sees them.

        `source` is the frame as it was filmed, to be given where the result's camera is another one.
        """
        base = frame.rgb if self.backdrop is None else self.backdrop.under(frame, matte)
        if placed is None:
            return base
        into, field = self.into(placed), self.bending(placed)
        region = self._region(placed, field, into, matte)
        if not all(region.size):
            return base
        from_region = into @ shift(region.left, region.top)
        filmed = frame.rgb if self.camera.matrices is None else source
        picture = self._brought_back(filmed, frame.rgb[region.slices], placed, from_region)
        alpha = self._alpha(placed, matte[region.slices], from_region)
        if field is not None:
            _bend(picture, alpha, placed, field, from_region)
        result = base.copy()
        result[region.slices] = over(base[region.slices], picture, alpha)
        return result

    def _brought_back(self, filmed: RGB | None, shown: RGB, placed: PlacedFrame, from_region: Matrix) -> RGB:
        """The generated picture where a part of the result shows `shown` of the source.

        Laid over the source, it is moved together with what the engine saw: what that loses on its way is given back.
        """
        size = Size.of(shown)
        if filmed is None or not placed.over_source:
            return _fetched(placed.rgb, from_region, size, KERNEL)
        here = _reached(size, from_region).grown(REACH_PX, placed.box.size)
        settle = shift(-here.left, -here.top)
        seen = warped(filmed, settle @ self.stable.into(placed.index, placed.box), here.size, SEEN_KERNEL)
        painted = _fetched(placed.rgb[here.slices], settle @ from_region, size, SEEN_KERNEL)
        return restore_detail(painted, _fetched(seen, settle @ from_region, size, SEEN_KERNEL), shown)

    def into(self, placed: PlacedFrame) -> Matrix:
        """Result -> crop of the stable picture."""
        return np.asarray(self.stable.into(placed.index, placed.box) @ self.camera.to_frame(placed.index))

    def _region(self, placed: PlacedFrame, field: LegField | None, into: Matrix, matte: Mask) -> Box:
        """The part of the frame in which anything of the generated picture is shown."""
        within = _shown(placed.box.size, into, _size(matte))
        if self.restyled != "person" or placed.alpha is not None:
            return within
        x, y, width, height = cv2.boundingRect(matte)
        region = Box(x, y, x + width, y + height)
        if field is not None:
            bent = _shown(field.box.size, shift(-field.box.left, -field.box.top) @ into, _size(matte))
            region = region | bent if width else bent
        return region & within

    def _alpha(self, placed: PlacedFrame, matte: Mask, from_region: Matrix) -> Mask:
        """How much of the generated picture is shown, in the region."""
        if self.restyled == "both":
            return np.full_like(matte, 255)
        if self.restyled == "background":
            return np.asarray(255 - matte)
        if placed.alpha is not None:
            matte = _fetched(placed.alpha, from_region, Size.of(matte), cv2.INTER_LINEAR)
        return feathered(matte, self.feather_px)


def over(base: RGB, picture: RGB, alpha: Mask) -> RGB:
    """A picture over another; exactly the one or the other where alpha is 255 or 0."""
    result = base.copy()
    cv2.copyTo(picture, np.asarray(alpha == 255, np.uint8), result)
    edge = (alpha > 0) & (alpha < 255)
    share = alpha[edge][:, None].astype(np.uint16)
    result[edge] = (picture[edge] * share + base[edge] * (255 - share) + 127) // 255
    return result


def _bend(picture: RGB, alpha: Mask, placed: PlacedFrame, field: LegField, from_region: Matrix) -> None:
    """Show a part of the picture bent: with what it covered and uncovers, in place."""
    back = inverse(from_region)
    part = _shown(field.box.size, shift(-field.box.left, -field.box.top) @ from_region, _size(alpha))
    row, column = np.mgrid[part.top : part.bottom, part.left : part.right]
    here = np.stack([column, row], -1).reshape(-1, 2).astype(float)
    there = moved(from_region, here)
    shape = (part.size.height_px, part.size.width_px, 2)
    bend = _sampled(field.vectors, (there - (field.box.left, field.box.top)).reshape(shape), cv2.INTER_LINEAR)
    away = np.hypot(bend[..., 0], bend[..., 1])
    source = there.reshape(shape) + bend
    moving = away > 0
    bent = _sampled(placed.rgb, source, KERNEL, cv2.BORDER_REPLICATE)
    outline = _sampled(alpha, moved(back, source.reshape(-1, 2)).reshape(shape), cv2.INTER_LINEAR)
    shown = outline
    if placed.alpha is None:
        shown = np.maximum(outline, np.clip(255 * away / SURE_PX, 0, 255).astype(np.uint8))
    picture[part.slices][moving] = bent[moving]
    alpha[part.slices] = np.where(moving, shown, alpha[part.slices])


def feathered(matte: Mask, feather_px: int) -> Mask:
    """Softer towards the inside; where nothing was, nothing is added."""
    if feather_px == 0:
        return matte.copy()
    soft = cv2.GaussianBlur(matte, (0, 0), feather_px / 2)
    inner = cv2.addWeighted(soft, 2, soft, 0, -255)
    return np.asarray(cv2.min(matte, cv2.max(inner, cv2.subtract(matte, 128))))


def _reached(size: Size, into: Matrix) -> Box:
    """The part of another picture that all of a picture of this size lies in."""
    there = moved(into, corners(size))
    (left, top), (right, bottom) = np.floor(there.min(axis=0)), np.ceil(there.max(axis=0)) + 1
    return Box(int(left), int(top), int(right), int(bottom))


def _shown(size: Size, into: Matrix, within: Size) -> Box:
    """The part of a picture that a crop of this size shows, given picture -> crop."""
    there = moved(inverse(into), corners(size))
    (left, top), (right, bottom) = np.ceil(there.min(axis=0)), np.floor(there.max(axis=0)) + 1
    return Box(int(left), int(top), max(int(left), int(right)), max(int(top), int(bottom))) & Box(0, 0, *within)


def _fetched(picture: NDArray[np.uint8], source: Matrix, size: Size, kernel: int) -> NDArray[np.uint8]:
    """A picture of this size whose pixels lie at `source` in another."""
    edge = cv2.BORDER_REPLICATE if picture.ndim == 3 else cv2.BORDER_CONSTANT
    return np.asarray(cv2.warpPerspective(picture, source, size, flags=kernel | cv2.WARP_INVERSE_MAP, borderMode=edge))


def _sampled(
    picture: NDArray[np.uint8] | NDArray[np.float32],
    places: NDArray[np.float64],
    kernel: int,
    edge: int = cv2.BORDER_CONSTANT,
) -> NDArray[np.uint8]:
    """A picture at places, h x w x 2 px of it."""
    return np.asarray(cv2.remap(picture, places.astype(np.float32), None, kernel, borderMode=edge))


def _size(mask: Mask) -> Size:
    return Size.of(mask)
