"""The stable picture: what engines see. Crops of it are made frame by frame, from the source's own pixels."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_

import cv2
import numpy as np

from pipeline.engines.base import View
from pipeline.see.analysis import Seen
from pipeline.see.foot_contacts import Footing
from utils.camera.path import CameraPath
from utils.camera.tracking import Mask
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Box, Size
from utils.image.geometry import Matrix, corners, inverse, moved, shift
from utils.media.clip import Clip
from utils.media.rolling import Rolling
from utils.media.timebase import Span
from utils.media.video import ClipFrames, FrameSource
from utils.store import Entry

MARGIN_SHARE = 0.04
"""Of the height: what a window shows around the person."""
NEAR_PX = 24
KERNEL, SEEN_KERNEL = cv2.INTER_LANCZOS4, cv2.INTER_CUBIC
"""For what is moved once and shown, and for what an engine sees: a quarter of the time, and what it loses is known."""


@dataclass(frozen=True)
class Stable:
    """The calm camera of a clip, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def path(self) -> CameraPath:
        """Frame -> stable picture."""
        return CameraPath.from_json(self.entry.read_bytes("stable.json").decode())


@dataclass(frozen=True)
class Staging:
    """All that a view is made of."""

    clip: Clip
    seen: Seen
    stable: Stable
    footing: Footing
    frames: FrameSource = field(compare=False)

    @classmethod
    def of(cls, clip: Clip, seen: Seen, entries: tuple[Entry, Entry], overlap_frames: int) -> "Staging":
        """From the stages `stabilise` and `footing`; windows are expected to share so many frames."""
        frames = Rolling(ClipFrames.of(clip), overlap_frames + 2)
        return cls(clip, seen, Stable(entries[0]), Footing(entries[1]), frames)

    @property
    def digest(self) -> str:
        """Of all that views are made of."""
        parts = (self.clip, self.seen, self.stable, self.footing)
        return digest_bytes(canonical_json([SEEN_KERNEL, *(part.digest for part in parts)]))

    @property
    def canvas(self) -> Size:
        """Of the whole stable picture."""
        return self.stable.path.canvas

    def box(self, span: Span, *, whole: bool) -> Box | None:
        """The part of the stable picture that shows the person in all of a span, or the whole; None if nobody is."""
        if whole:
            return Box(0, 0, *self.canvas)
        boxes = [self._moved(index, box) for index in span if (box := self.seen.boxes[index])]
        margin = round(MARGIN_SHARE * self.canvas.height_px) + 8
        return reduce(or_, boxes).grown(margin, self.canvas) if boxes else None

    def views(self, span: Span, box: Box) -> Iterator[View]:
        """The frames of a span as an engine sees them."""
        frames = self.frames.read(span)
        for frame, matte in zip(frames, self.seen.mattes(span), strict=True):
            yield self.view(frame.index, frame.rgb, matte, box)

    def view(self, index: int, rgb: RGB, matte: Mask, box: Box) -> View:
        """One frame."""
        into, person = self.into(index, box), self.seen.boxes[index]
        here = (self._moved(index, person).grown(NEAR_PX, self.canvas) & box).within(box) if person else None
        return View(
            index,
            self._sharp_person(rgb, into, box, here),
            _outlined(matte, into, box, here),
            moved(into, self.footing.poses.keypoints[index].astype(float)).astype(np.float32),
            (box.left, box.top),
        )

    def _sharp_person(self, rgb: RGB, into: Matrix, box: Box, here: Box | None) -> RGB:
        """A crop of the stable picture; around the person, who alone comes back from it, with all care."""
        if here is None or box.size == self.canvas or 2 * here.size.area_px > box.size.area_px:
            return warped(rgb, into, box.size, SEEN_KERNEL)
        picture = warped(rgb, into, box.size, cv2.INTER_LINEAR)
        picture[here.slices] = warped(rgb, shift(-here.left, -here.top) @ into, here.size, SEEN_KERNEL)
        return picture

    def into(self, index: int, box: Box) -> Matrix:
        """Frame -> crop of the stable picture."""
        return np.asarray(shift(-box.left, -box.top) @ self.stable.path.matrices[index])

    def to_background(self, index: int, box: Box) -> Matrix:
        """Crop of the stable picture -> background picture."""
        return np.asarray(self.seen.camera.matrices[index] @ inverse(self.into(index, box)))

    def _moved(self, index: int, box: Box) -> Box:
        there = moved(self.stable.path.matrices[index], corners(box.size) + np.array([box.left, box.top]))
        (left, top), (right, bottom) = np.floor(there.min(axis=0)), np.ceil(there.max(axis=0)) + 1
        return Box(int(left), int(top), int(right), int(bottom)) & Box(0, 0, *self.canvas)


def _outlined(matte: Mask, into: Matrix, box: Box, here: Box | None) -> Mask:
    """The matte in a crop of the stable picture; there is nothing of it but where somebody stands."""
    outline = np.zeros(box.size[::-1], np.uint8)
    if here is not None and all(here.size):
        outline[here.slices] = cv2.warpPerspective(matte, shift(-here.left, -here.top) @ into, here.size)
    return outline


def warped(rgb: RGB, into: Matrix, size: Size, kernel: int = KERNEL) -> RGB:
    """A picture moved once; its edge goes on where it ends."""
    return np.asarray(cv2.warpPerspective(rgb, into, size, flags=kernel, borderMode=cv2.BORDER_REPLICATE))
