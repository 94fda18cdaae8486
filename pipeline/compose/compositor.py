"""Compositing: the generated person back into the source's own camera, with one resample, over source or plate.

Where the matte is empty and the background is kept, pixels are the source's own, bit for bit.

The coordinate frames, and the homographies (3 x 3) that lead between them. Every matrix is named after the frames that
it leads from and to, such as `frame_to_crop`:

    source frame        as it was filmed
    background picture  of a place, which lies still in it      from the frame:  analysis.camera.matrices
    ground picture      the ground near the feet lies still     from the frame:  ground.path.matrices
    stable picture      what a calm camera would have filmed    from the frame:  stable.path.matrices
    crop                of the stable picture, a window's box:  from the frame:  stable.frame_to_crop(index, box)
                        what the engine sees and generates      to the ground:   stable.crop_to_ground(index, box)
    result              what the finished clip shows: the       from the frame:  camera.frame_to_result
                        source frame, if all shake is put back  to the frame:    camera.result_to_frame(index)

The compositor goes from the result to the crop (`result_to_crop`), within the region of the result where anything
generated is shown (`region_to_crop`), and looks up each pixel there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.compose.person_frames import PlacedFrame
from pipeline.compose.result_camera import ResultCamera
from pipeline.plan.stable_picture import KERNEL, SEEN_KERNEL, StablePicture, warped
from utils.camera.tracking import Mask
from utils.compiled import kernel
from utils.feet.leg_warp import LegField
from utils.image import RGB, Box, Size, bounding_box
from utils.image.geometry import Matrix, corners, inverse, moved, shift
from utils.image.restore_detail import REACH_PX as DETAIL_REACH_PX
from utils.image.restore_detail import restore_detail
from utils.media.video import Frame

Restyled = Literal["person", "background", "both"]
Bending = Callable[[PlacedFrame], LegField | None]
"""The displacement field that holds the feet of a generated picture, in px of that picture; None where they stand."""

SURE_PX = 0.25
"""Where the foot correction moves a pixel by more than this, the generated picture is shown, shadow included;
an engine that gives an alpha of its own decides that itself."""
REACH_PX = 4
"""More than the radius of any interpolation kernel."""
BAND_PX = 96
"""Height of the bands in which a person is put back."""
GROW_SHARE = 0.01
"""Of the height: how far around the source's person the plate takes its place, when another one stands there."""


@dataclass(frozen=True)
class Backdrop:
    """The place without the person: behind everything, or only where the source's person is not covered any more."""

    behind: Callable[[Frame, Mask], RGB]
    everywhere: bool

    def under(self, frame: Frame, matte: Mask) -> RGB:
        """The picture that the generated person is laid over."""
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
        result_to_crop, field = self.result_to_crop(placed), self.bending(placed)
        region = self._region(placed, field, result_to_crop, matte)
        if not all(region.size):
            return base
        region_to_crop = result_to_crop @ shift(region.left, region.top)
        filmed = frame.rgb if self.camera.frame_to_result is None else source
        alpha = self._alpha(placed, matte[region.slices], region_to_crop)
        picture = self._generated(filmed, frame.rgb[region.slices], placed, region_to_crop, alpha)
        if field is not None:
            _bend(picture, alpha, placed, field, region_to_crop)
        result = base.copy()
        result[region.slices] = over(base[region.slices], picture, alpha)
        return result

    def result_to_crop(self, placed: PlacedFrame) -> Matrix:
        """The homography from the result to the crop of the stable picture that a generated frame is a picture of."""
        frame_to_crop = self.stable.frame_to_crop(placed.index, placed.box)
        return np.asarray(frame_to_crop @ self.camera.result_to_frame(placed.index))

    def _generated(
        self, filmed: RGB | None, source_region: RGB, placed: PlacedFrame, region_to_crop: Matrix, alpha: Mask
    ) -> RGB:
        """The generated picture in a region of the result, in which the source shows `source_region`.

        A picture that is an edit of the source is put back only where `alpha` shows it.
        """
        size = Size.of(source_region)
        if filmed is None or not placed.over_source:
            return _resampled(placed.rgb, region_to_crop, size, KERNEL)
        picture = source_region.copy()
        for band in _bands(alpha):
            wide = band.grown(DETAIL_REACH_PX, size)
            wide_to_crop = region_to_crop @ shift(wide.left, wide.top)
            edited = self._edited(filmed, source_region[wide.slices], placed, wide_to_crop)
            picture[band.slices] = edited[band.within(wide).slices]
        return picture

    def _edited(self, filmed: RGB, source_region: RGB, placed: PlacedFrame, region_to_crop: Matrix) -> RGB:
        """An edit of the source in a region of the result.

        It lost fine detail on its way into the crop and back. The source on the same way shows how much, and that is
        given back.
        """
        size = Size.of(source_region)
        part = _box_covered(size, region_to_crop).grown(REACH_PX, placed.box.size)
        crop_to_part = shift(-part.left, -part.top)
        frame_to_part = crop_to_part @ self.stable.frame_to_crop(placed.index, placed.box)
        region_to_part = crop_to_part @ region_to_crop
        source_part = warped(filmed, frame_to_part, part.size, SEEN_KERNEL)
        painted = _resampled(placed.rgb[part.slices], region_to_part, size, SEEN_KERNEL)
        returned = _resampled(source_part, region_to_part, size, SEEN_KERNEL)
        return restore_detail(painted, returned, source_region)

    def _region(self, placed: PlacedFrame, field: LegField | None, result_to_crop: Matrix, matte: Mask) -> Box:
        """The part of the result in which anything of the generated picture is shown."""
        result_size = Size.of(matte)
        within = _box_showing(placed.box.size, result_to_crop, result_size)
        if self.restyled != "person" or placed.alpha is not None:
            return within
        person = bounding_box(matte)
        region = person or Box(0, 0, 0, 0)
        if field is not None:
            result_to_field = shift(-field.box.left, -field.box.top) @ result_to_crop
            bent = _box_showing(field.box.size, result_to_field, result_size)
            region = region | bent if person else bent
        return region & within

    def _alpha(self, placed: PlacedFrame, matte: Mask, region_to_crop: Matrix) -> Mask:
        """How much of the generated picture is shown at each pixel of the region."""
        if self.restyled == "both":
            return np.full_like(matte, 255)
        if self.restyled == "background":
            return np.asarray(255 - matte)
        if placed.alpha is not None:
            matte = _resampled(placed.alpha, region_to_crop, Size.of(matte), cv2.INTER_LINEAR)
        return feathered(matte, self.feather_px)


def over(base: RGB, picture: RGB, alpha: Mask) -> RGB:
    """A picture over another by alpha; exactly the one or the other where alpha is 255 or 0."""
    result = base.copy()
    _lay_over(result, picture, alpha)
    return result


@kernel
def _lay_over(base: RGB, picture: RGB, alpha: Mask) -> None:
    """Lay a picture over the base, in place, rounded to the nearest level."""
    for y in range(alpha.shape[0]):
        for x in range(alpha.shape[1]):
            share = np.int32(alpha[y, x])
            if share > 0:
                for c in range(3):
                    below, above = np.int32(base[y, x, c]), np.int32(picture[y, x, c])
                    base[y, x, c] = np.uint8((above * share + below * (255 - share) + 127) // 255)


def _bands(alpha: Mask) -> Iterator[Box]:
    """Boxes one above the other around what a mask shows: a person fills them better than one box around all."""
    height, width = alpha.shape
    for top in range(0, height, BAND_PX):
        band = Box(0, top, width, min(top + BAND_PX, height))
        if shown := bounding_box(alpha[band.slices]):
            yield Box(shown.left, top + shown.top, shown.right, top + shown.bottom)


def feathered(matte: Mask, feather_px: int) -> Mask:
    """A matte with a Gaussian edge that falls towards the inside; where it was 0 it stays 0."""
    if feather_px == 0:
        return matte.copy()
    soft = cv2.GaussianBlur(matte, (0, 0), feather_px / 2)
    inner = cv2.addWeighted(soft, 2, soft, 0, -255)
    return np.asarray(cv2.min(matte, cv2.max(inner, cv2.subtract(matte, 128))))


def _bend(picture: RGB, alpha: Mask, placed: PlacedFrame, field: LegField, region_to_crop: Matrix) -> None:
    """Replace, in place, the part of a region that the displacement field moves: the leg, and what it uncovers."""
    crop_to_region = inverse(region_to_crop)
    region_to_field = shift(-field.box.left, -field.box.top) @ region_to_crop
    part = _box_showing(field.box.size, region_to_field, Size.of(alpha))
    row, column = np.mgrid[part.top : part.bottom, part.left : part.right]
    in_crop = moved(region_to_crop, np.stack([column, row], -1).reshape(-1, 2).astype(float))
    shape = (part.size.height_px, part.size.width_px, 2)
    bend = _looked_up(field.vectors, (in_crop - (field.box.left, field.box.top)).reshape(shape), cv2.INTER_LINEAR)
    bend_px = np.hypot(bend[..., 0], bend[..., 1])
    bent_in_crop = in_crop.reshape(shape) + bend
    bent_in_region = moved(crop_to_region, bent_in_crop.reshape(-1, 2)).reshape(shape)
    moving = bend_px > 0
    bent = _looked_up(placed.rgb, bent_in_crop, KERNEL, cv2.BORDER_REPLICATE)
    shown = _looked_up(alpha, bent_in_region, cv2.INTER_LINEAR)
    if placed.alpha is None:
        shown = np.maximum(shown, np.clip(255 * bend_px / SURE_PX, 0, 255).astype(np.uint8))
    picture[part.slices][moving] = bent[moving]
    alpha[part.slices] = np.where(moving, shown, alpha[part.slices])


def _box_covered(size: Size, to_other: Matrix) -> Box:
    """The box of another picture in which all of a picture of this size lies."""
    there = moved(to_other, corners(size))
    (left, top), (right, bottom) = np.floor(there.min(axis=0)), np.ceil(there.max(axis=0)) + 1
    return Box(int(left), int(top), int(right), int(bottom))


def _box_showing(crop_size: Size, picture_to_crop: Matrix, picture_size: Size) -> Box:
    """The box of a picture that a crop of it shows."""
    there = moved(inverse(picture_to_crop), corners(crop_size))
    (left, top), (right, bottom) = np.ceil(there.min(axis=0)), np.floor(there.max(axis=0)) + 1
    box = Box(int(left), int(top), max(int(left), int(right)), max(int(top), int(bottom)))
    return box & Box(0, 0, *picture_size)


def _resampled(picture: NDArray[np.uint8], to_picture: Matrix, size: Size, kernel: int) -> NDArray[np.uint8]:
    """A picture of this size, each pixel of which is looked up in another at the place where `to_picture` leads."""
    edge = cv2.BORDER_REPLICATE if picture.ndim == 3 else cv2.BORDER_CONSTANT
    flags = kernel | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(picture, to_picture, size, flags=flags, borderMode=edge))


def _looked_up(
    picture: NDArray[np.uint8] | NDArray[np.float32],
    places: NDArray[np.float64],
    kernel: int,
    edge: int = cv2.BORDER_CONSTANT,
) -> NDArray[np.uint8]:
    """The values of a picture at places of it, h x w x 2 px."""
    return np.asarray(cv2.remap(picture, places.astype(np.float32), None, kernel, borderMode=edge))
