"""What the model sees of a window: control pictures inside the mask, the source outside, and reference pictures.

Wan compresses time by four: one latent holds the first frame, every other one four frames. A mask must therefore hold
still over each of these groups, or what moves fast within one is missed. A frame that is given is another matter: the
model reads it where it is, and makes the others of its group.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import Carry, View
from pipeline.engines.diffusion.pictures import Mask, part_mask
from pipeline.engines.diffusion.wan import groups
from utils.image import RGB, Box, Size, bounding_box

UNKNOWN = 127
"""The grey that the model was trained to see where nothing is known."""
PAPER = 255
"""The white around a reference picture."""


@dataclass(frozen=True)
class Conditioning:
    """The input of one call: control pictures, masks (255 where the picture is made anew), and reference pictures.

    `parts` are the masks of what is shown of the result. They cover more than `masks` in frames that were finished by
    the window before: the model continues from these, and gives them back as they were.
    """

    pictures: tuple[RGB, ...]
    masks: tuple[Mask, ...]
    parts: tuple[Mask, ...]
    references: tuple[RGB, ...] = ()
    lead: NDArray[np.float32] | None = None
    """Latents of the frames that the window before finished, but the first, that are kept as they are."""

    def __len__(self) -> int:
        return len(self.pictures)


@dataclass(frozen=True)
class Conditions:
    """How conditionings are drawn: the size the model works at, what is made anew, and by which control picture."""

    size: Size
    part: str
    """"person", "background" or "both"."""
    control: Callable[[View], RGB | None] | None
    """Gives the control picture of a view; without one the inside of the mask is left unknown."""
    given: Mapping[int, RGB] = field(default_factory=dict)
    """Frames that are known, by the index of their view; in them alone nothing is made anew."""

    def of(self, views: Sequence[View], carry: Carry | None, references: Sequence[RGB] = ()) -> Conditioning:
        """The conditioning of some views in a row."""
        parts = united([part_mask(self._scaled(view.matte), self.part) for view in views])
        pictures, masks = [self._picture(view, part) for view, part in zip(views, parts, strict=True)], list(parts)
        for number, view in enumerate(views):
            if view.index in self.given:
                pictures[number] = self._scaled(self.given[view.index])
                masks[number] = np.zeros_like(masks[number])
        if carry:
            for number, (frame, valid) in enumerate(zip(carry.frames, carry.valid, strict=True)):
                there = self._scaled(valid) > 127
                pictures[number] = np.where(there[..., None], self._scaled(frame), pictures[number]).astype(np.uint8)
                masks[number] = np.where(there, 0, masks[number]).astype(np.uint8)
        sheets = tuple(at_size_of_person(each, views, self.size) for each in references)
        return Conditioning(tuple(pictures), tuple(masks), tuple(parts), sheets)

    def _picture(self, view: View, mask: Mask) -> RGB:
        """The source of a view, with the control picture inside the mask."""
        control = self.control(view) if self.control else None
        inside = np.full((*mask.shape, 3), UNKNOWN, np.uint8) if control is None else self._scaled(control)
        return np.asarray(cv2.copyTo(inside, mask, self._scaled(view.rgb).copy()))

    def _scaled(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if Size.of(picture) == self.size:
            return picture
        return np.asarray(cv2.resize(picture, self.size, interpolation=cv2.INTER_AREA))


def united(masks: Sequence[Mask]) -> list[Mask]:
    """Masks that hold still over each group of frames that share a latent: each covers what any of its group covers."""
    whole = list[Mask]()
    for start, stop in groups(len(masks)):
        union = np.maximum.reduce(list(masks[start:stop]))
        whole.extend(union.copy() for _ in range(start, stop))
    return whole


def at_size_of_person(reference: RGB, views: Sequence[View], size: Size) -> RGB:
    """A reference picture on white, as tall as the person in the window, for people are made as tall as they are shown.

    A picture that a person fills, given as it is, makes them too large by far while they are still at a distance.
    """
    shares = [box.size.height_px / view.size.height_px for view in views if (box := bounding_box(view.matte))]
    tall_px = float(np.median(shares or [1.0])) * size.height_px
    own = Size.of(reference)
    small = own.scaled(min(tall_px / own.height_px, size.width_px / own.width_px))
    sheet = np.full((size.height_px, size.width_px, 3), PAPER, np.uint8)
    left, top = (size.width_px - small.width_px) // 2, (size.height_px - small.height_px) // 2
    part = Box(left, top, left + small.width_px, top + small.height_px).slices
    sheet[part] = cv2.resize(reference, small, interpolation=cv2.INTER_AREA)
    return sheet
