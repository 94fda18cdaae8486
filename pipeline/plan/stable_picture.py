"""The stable picture: what engines see. Crops of it are made frame by frame, from the source's own pixels."""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import or_

import cv2
import numpy as np

from pipeline.engines.base import View
from pipeline.plan.stable_path import StablePath
from pipeline.see.analysis import Analysis
from pipeline.see.joints import Joints
from utils.camera.path import CameraPath
from utils.camera.tracking import Mask
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB, Box, Size
from utils.image.geometry import Matrix, corners, inverse, moved, shift
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipFrames, FrameSource, Rolling

MARGIN_SHARE = 0.04
"""Of the height: what a window shows around the person."""
NEAR_PX = 24
RECENT_BYTES = 96 << 20
"""Of views that are kept for their second reader: two windows of a person in 720p."""
KERNEL, SEEN_KERNEL = cv2.INTER_LANCZOS4, cv2.INTER_CUBIC
"""For what is moved once and shown, and for what an engine sees: a quarter of the time, and what it loses is known."""


class RecentViews:
    """Views of the latest windows, kept for their second reader as long as they are small; for several threads."""

    def __init__(self, most_bytes: int = RECENT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[tuple[Span, Box], deque[View]] = {}
        self._lock = threading.Lock()

    def keep(self, span: Span, box: Box, view: View) -> None:
        """One view more of a window; too many of them are forgotten, and made again by who needs them."""
        with self._lock:
            if view.index == span.start:
                self._kept[span, box] = deque()
            self._kept.setdefault((span, box), deque()).append(view)
            while sum(map(_bytes, self._kept.values())) > self._most_bytes:
                self._kept.pop(next(iter(self._kept)))

    def take(self, span: Span, box: Box) -> deque[View]:
        """All views of a window, which are forgotten now; none unless all are there."""
        with self._lock:
            whole = len(self._kept.get((span, box), ())) == len(span)
            return self._kept.pop((span, box)) if whole else deque()


def _bytes(views: deque[View]) -> int:
    """All views of a window have one size."""
    return len(views) * (views[0].rgb.nbytes + views[0].matte.nbytes) if views else 0


@dataclass(frozen=True)
class StablePicture:
    """The clip as a calm camera would have filmed it, and all that views of it are made of."""

    clip: Clip
    analysis: Analysis
    stable_path: StablePath
    joints: Joints
    frames: FrameSource = field(compare=False)
    """Where views take their frames from; some sources serve one reader at a time."""
    recent: RecentViews = field(default_factory=RecentViews, compare=False)

    def for_windows(self, overlap_frames: int, recent: RecentViews | None = None) -> "StablePicture":
        """The same picture for a reader of its own, who goes through windows that share so many frames.

        Of two readers with the same `recent`, the second one gets views that the first one has just made.
        """
        frames = Rolling(ClipFrames.of(self.clip), overlap_frames + 2)
        return replace(self, frames=frames, recent=recent or RecentViews())

    @cached_property
    def digest(self) -> str:
        """The digest of all that views are made of."""
        parts = (self.clip, self.analysis, self.stable_path, self.joints)
        return digest_bytes(canonical_json([SEEN_KERNEL, *(part.digest for part in parts)]))

    @property
    def camera(self) -> CameraPath:
        """Frame -> background picture, as measured."""
        return self.analysis.camera

    @property
    def path(self) -> CameraPath:
        """Frame -> stable picture."""
        return self.stable_path.path

    @property
    def canvas(self) -> Size:
        """The size of the whole stable picture."""
        return self.path.canvas

    def box(self, span: Span, *, whole: bool) -> Box | None:
        """The part of the stable picture that shows the person in all of a span, or the whole; None if nobody is."""
        if whole:
            return Box(0, 0, *self.canvas)
        boxes = [self._moved(index, box) for index in span if (box := self.analysis.boxes[index])]
        margin = round(MARGIN_SHARE * self.canvas.height_px) + 8
        return reduce(or_, boxes).grown(margin, self.canvas) if boxes else None

    def views(self, span: Span, box: Box) -> Iterator[View]:
        """The frames of a span as an engine sees them."""
        if kept := self.recent.take(span, box):
            while kept:
                yield kept.popleft()
            return
        frames = self.frames.read(span)
        for frame, matte in zip(frames, self.analysis.mattes(span), strict=True):
            yield self.view(frame.index, frame.rgb, matte, box)

    def kept_views(self, span: Span, box: Box) -> Iterator[View]:
        """The same, and whoever asks next for all of them gets these."""
        for view in self.views(span, box):
            self.recent.keep(span, box, view)
            yield view

    def view(self, index: int, rgb: RGB, matte: Mask, box: Box) -> View:
        """One frame."""
        into, person = self.into(index, box), self.analysis.boxes[index]
        here = (self._moved(index, person).grown(NEAR_PX, self.canvas) & box).within(box) if person else None
        return View(
            index,
            self._sharp_person(rgb, into, box, here),
            _outlined(matte, into, box, here),
            moved(into, self.joints.poses.keypoints[index].astype(float)).astype(np.float32),
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
        return np.asarray(shift(-box.left, -box.top) @ self.path.matrices[index])

    def to_background(self, index: int, box: Box) -> Matrix:
        """Crop of the stable picture -> background picture."""
        return np.asarray(self.analysis.camera.matrices[index] @ inverse(self.into(index, box)))

    def _moved(self, index: int, box: Box) -> Box:
        there = moved(self.path.matrices[index], corners(box.size) + np.array([box.left, box.top]))
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
