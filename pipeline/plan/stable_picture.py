"""The stable picture: the clip as a calm camera would have filmed it, which is what engines see.

Crops of it are made frame by frame, from the source's own pixels. `frame_to_crop` and `crop_to_ground` lead between
the coordinate frames that `pipeline/compose/compositor.py` lists.
"""

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
from pipeline.see.ground import Ground
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
"""How far around the person a view is resampled with the better kernel."""
RECENT_BYTES = 96 << 20
"""The size of views kept for their second reader: two windows of a person in 720p."""
KERNEL, SEEN_KERNEL = cv2.INTER_LANCZOS4, cv2.INTER_CUBIC
"""Lanczos for what is resampled once and shown; bicubic for what an engine sees: a quarter of the time, and what it
loses is known."""


class RecentViews:
    """A cache of the latest windows' views for their second reader, of limited size and safe for several threads."""

    def __init__(self, most_bytes: int = RECENT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[tuple[Span, Box], deque[View]] = {}
        self._lock = threading.Lock()

    def keep(self, span: Span, box: Box, view: View) -> None:
        """Add the next view of a window; beyond the limit the oldest window is dropped, and made again if needed."""
        with self._lock:
            if view.index == span.start:
                self._kept[span, box] = deque()
            self._kept.setdefault((span, box), deque()).append(view)
            while sum(map(_bytes, self._kept.values())) > self._most_bytes:
                self._kept.pop(next(iter(self._kept)))

    def take(self, span: Span, box: Box) -> deque[View]:
        """Remove and return all views of a window; none unless all are there."""
        with self._lock:
            is_whole = len(self._kept.get((span, box), ())) == len(span)
            return self._kept.pop((span, box)) if is_whole else deque()


def _bytes(views: deque[View]) -> int:
    """The memory that the views of one window take; all have one size."""
    return len(views) * (views[0].rgb.nbytes + views[0].matte.nbytes) if views else 0


@dataclass(frozen=True)
class StablePicture:
    """The clip as a calm camera would have filmed it, and all that views of it are made of."""

    clip: Clip
    analysis: Analysis
    ground: Ground
    stable_path: StablePath
    joints: Joints
    frames: FrameSource = field(compare=False)
    """Where views take their frames from; some sources serve one reader at a time."""
    recent: RecentViews = field(default_factory=RecentViews, compare=False)

    def for_windows(self, overlap_frames: int, recent: RecentViews | None = None) -> "StablePicture":
        """This picture for a reader of its own, who goes through windows that overlap by so many frames.

        Of two readers with the same `recent`, the second one gets views that the first one has just made.
        """
        frames = Rolling(ClipFrames.of(self.clip), overlap_frames + 2)
        return replace(self, frames=frames, recent=recent or RecentViews())

    @cached_property
    def digest(self) -> str:
        """The digest of everything that views are made of."""
        parts = (self.clip, self.analysis, self.ground, self.stable_path, self.joints)
        return digest_bytes(canonical_json([SEEN_KERNEL, *(part.digest for part in parts)]))

    @property
    def camera(self) -> CameraPath:
        """The measured camera: homographies from each source frame to the background picture."""
        return self.analysis.camera

    @property
    def path(self) -> CameraPath:
        """The calm camera: homographies from each source frame to the stable picture."""
        return self.stable_path.path

    @property
    def canvas(self) -> Size:
        """The size of the whole stable picture."""
        return self.path.canvas

    def box(self, span: Span, *, whole: bool) -> Box | None:
        """The part of the stable picture that shows the person throughout a span, or all of it; None without one."""
        if whole:
            return Box(0, 0, *self.canvas)
        boxes = [self._in_stable(index, box) for index in span if (box := self.analysis.boxes[index])]
        margin = round(MARGIN_SHARE * self.canvas.height_px) + 8
        return reduce(or_, boxes).grown(margin, self.canvas) if boxes else None

    def views(self, span: Span, box: Box) -> Iterator[View]:
        """The frames of a span as an engine sees them."""
        if recent := self.recent.take(span, box):
            while recent:
                yield recent.popleft()
            return
        frames = self.frames.read(span)
        for frame, matte in zip(frames, self.analysis.mattes(span), strict=True):
            yield self.view(frame.index, frame.rgb, matte, box)

    def kept_views(self, span: Span, box: Box, *, joins: bool) -> Iterator[View]:
        """The views of a span, kept for the second reader.

        Where the span `joins` another one, that reader also asks for the view before it. It is made here, where that
        frame was just read: to decode it again would take all frames since the key frame before.
        """
        for part in (Span(span.start - 1, span.start), span) if joins else (span,):
            for view in self.views(part, box):
                self.recent.keep(part, box, view)
                if part is span:
                    yield view

    def view(self, index: int, rgb: RGB, matte: Mask, box: Box) -> View:
        """One frame as an engine sees it: picture, matte and joints in a crop of the stable picture."""
        frame_to_crop, person = self.frame_to_crop(index, box), self.analysis.boxes[index]
        near = (self._in_stable(index, person).grown(NEAR_PX, self.canvas) & box).within(box) if person else None
        return View(
            index,
            self._sharp_person(rgb, frame_to_crop, box, near),
            _matte_in_crop(matte, frame_to_crop, box, near),
            moved(frame_to_crop, self.joints.poses.keypoints[index].astype(float)).astype(np.float32),
            (box.left, box.top),
        )

    def _sharp_person(self, rgb: RGB, frame_to_crop: Matrix, box: Box, near: Box | None) -> RGB:
        """A crop of the stable picture: bicubic around the person, who alone is put back, and bilinear elsewhere."""
        if near is None or box.size == self.canvas or 2 * near.size.area_px > box.size.area_px:
            return warped(rgb, frame_to_crop, box.size, SEEN_KERNEL)
        picture = warped(rgb, frame_to_crop, box.size, cv2.INTER_LINEAR)
        picture[near.slices] = warped(rgb, shift(-near.left, -near.top) @ frame_to_crop, near.size, SEEN_KERNEL)
        return picture

    def frame_to_crop(self, index: int, box: Box) -> Matrix:
        """The homography from a source frame to a crop of the stable picture."""
        return np.asarray(shift(-box.left, -box.top) @ self.path.matrices[index])

    def crop_to_ground(self, index: int, box: Box) -> Matrix:
        """The homography from a crop of the stable picture to the ground picture."""
        return np.asarray(self.ground.path.matrices[index] @ inverse(self.frame_to_crop(index, box)))

    def _in_stable(self, index: int, box: Box) -> Box:
        """The box of the stable picture that holds a box of a source frame."""
        there = moved(self.path.matrices[index], corners(box.size) + np.array([box.left, box.top]))
        (left, top), (right, bottom) = np.floor(there.min(axis=0)), np.ceil(there.max(axis=0)) + 1
        return Box(int(left), int(top), int(right), int(bottom)) & Box(0, 0, *self.canvas)


def _matte_in_crop(matte: Mask, frame_to_crop: Matrix, box: Box, near: Box | None) -> Mask:
    """The matte in a crop of the stable picture, computed only near the person; it is 0 everywhere else."""
    outline = np.zeros(box.size[::-1], np.uint8)
    if near is not None and all(near.size):
        outline[near.slices] = cv2.warpPerspective(matte, shift(-near.left, -near.top) @ frame_to_crop, near.size)
    return outline


def warped(rgb: RGB, to_target: Matrix, size: Size, kernel: int = KERNEL) -> RGB:
    """A picture resampled once by a homography; beyond its border the nearest pixel is repeated."""
    return np.asarray(cv2.warpPerspective(rgb, to_target, size, flags=kernel, borderMode=cv2.BORDER_REPLICATE))
