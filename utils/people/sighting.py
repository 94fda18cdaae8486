"""Seeing the person: one pass over a clip's frames that says where they are in each, and where shots begin.

Every frame can be measured, or one in a few with the rest filled in between; never across a cut, and frames around a
coming or going are measured all. Somebody half outside the picture is carried on to where they enter and leave it.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.image import RGB
from utils.media.video import Frame
from utils.people.cuts import CutFinder
from utils.people.edge_exit import at_edge, carried
from utils.people.follow import Follower
from utils.people.mask_interpolation import Between
from utils.people.matte import SEEN, extent
from utils.people.model import Body, PoseModel
from utils.people.model import models as models
from utils.people.pose import HIPS, LANDMARKS, SHOULDERS, Keypoints
from utils.people.subject import Subject, overlap

LOST_FRAMES = 8
"""So long somebody may be lost and is filled in, when they are found again; so long they may take to come or go."""
DARK = 12.0
"""Levels on average: in a frame as black as this nobody is filled in."""
FAR_SHARE = 0.5
"""Of the person's size: a trunk that moved farther between two measured frames is not filled in between."""
TOGETHER = 0.5
"""Overlap of two masks' boxes from on which it is filled in all the same, when a look there is in vain."""


@dataclass(frozen=True)
class Sighting:
    """One frame and the person in it: 33 x 2 px (NaN missing), 33 confidences, soft mask H x W (0 where nobody).

    `measured` says that this very frame was looked at; `cut` that it begins a new shot.
    """

    frame: Frame
    keypoints: Keypoints
    confidence: NDArray[np.float32]
    mask: NDArray[np.uint8]
    measured: bool
    cut: bool


def sightings(frames: Iterable[Frame], *, every: int = 1, subject: Subject | None = None) -> Iterator[Sighting]:
    """One for each frame, in order; up to `every` frames are held back, or `LOST_FRAMES` while somebody is lost."""
    with closing(PoseModel()) as model:
        watch = _Watch(Follower(model, subject), max(1, every))
        for frame in frames:
            yield from watch.take(frame)
        yield from watch.rest()


_Filling = tuple[Body | None, bool]
"""Who is in a frame that waited, and whether they were measured there."""


@dataclass(frozen=True)
class _Looked:
    """A measured frame, and who was found."""

    frame: Frame
    body: Body | None
    cut: bool = False

    @property
    def found(self) -> tuple[RGB, Body]:
        assert self.body is not None
        return self.frame.rgb, self.body


class _Watch:
    """Holds frames back until the next measured one says what lies between."""

    def __init__(self, follower: Follower, every: int) -> None:
        self._follower, self._every = follower, every
        self._cuts, self._between = CutFinder(), Between()
        self._last: _Looked | None = None
        self._waiting: list[Frame] = []
        self._in_vain: set[int] = set()

    def take(self, frame: Frame) -> Iterator[Sighting]:
        """The next frame; gives what is certain by now."""
        cut = self._cuts.is_cut(frame.rgb)
        if cut:
            yield from self.rest()
            self._follower.restart()
            self._last = None
        if self._last is not None and self._unseen(self._last) + 1 < self._every:
            self._waiting.append(frame)
            return
        yield from self._measure(frame, cut)

    def _unseen(self, last: _Looked) -> int:
        """How many frames were let pass: all that wait for somebody lost, else those since the last look in vain."""
        if last.body is not None:
            return len(self._waiting)
        return next(
            (n for n, frame in enumerate(self._waiting[::-1]) if frame.index in self._in_vain), len(self._waiting)
        )

    def rest(self) -> Iterator[Sighting]:
        """What still waits, at the end of a shot: its last frame is measured too."""
        if self._waiting:
            yield from self._measure(self._waiting.pop(), cut=False, last=True)

    def _measure(self, frame: Frame, cut: bool, last: bool = False) -> Iterator[Sighting]:
        """A frame that is looked at, after those that waited for it.

        Who is lost may be found again at once: until then it waits too, so that nobody blinks out for a few frames.
        """
        looked = _Looked(frame, self._follower.look(frame.rgb, frame.index), cut)
        if looked.body is None and self._last is not None and not last and frame.rgb[::8, ::8].mean() > DARK:
            self._in_vain.add(frame.index)
            if self._last.body is None:
                yield from self._nobody(len(self._waiting) - LOST_FRAMES + 1)
                self._waiting.append(frame)
                return
            if len(self._waiting) < LOST_FRAMES:
                self._waiting.append(frame)
                return
        waiting, self._waiting = self._waiting, []
        yield from self._filled(waiting, looked)
        self._last, self._in_vain = looked, set()
        yield _sighting(frame, looked.body, measured=looked.body is not None, cut=cut)

    def _nobody(self, count: int) -> Iterator[Sighting]:
        """The first of those that wait: whoever comes now was not in them."""
        for _ in range(count):
            frame = self._waiting.pop(0)
            self._in_vain.discard(frame.index)
            yield _sighting(frame, None)

    def _filled(self, frames: list[Frame], after: _Looked) -> Iterator[Sighting]:
        """The frames between two measured ones."""
        before = self._last
        bodies: list[_Filling]
        if before is None or (before.body is None and after.body is None):
            bodies = [(None, False)] * len(frames)
        elif after.body is None:
            bodies = list(self._carried(frames, before))
        elif before.body is None:
            bodies = list(self._carried(frames[::-1], after))[::-1]
        else:
            bodies = [self._between_both(frame, before, after) for frame in frames]
        for frame, (body, measured) in zip(frames, bodies, strict=True):
            yield _sighting(frame, body, measured=measured)

    def _carried(self, frames: list[Frame], found: _Looked) -> Iterator[_Filling]:
        """Who came or went, in frames farther and farther from one in which they were found."""
        there, body = found.found
        near: Body | None = body
        for frame in frames:
            measured = None
            if near is not None and np.isfinite(near.keypoints).any() and frame.index not in self._in_vain:
                measured = self._follower.glance(frame.rgb, near)
            if measured is None and near is not None:
                near = carried(near, there, frame.rgb) if at_edge(near.mask) else None
            else:
                near = measured
            there = frame.rgb
            yield near, measured is not None

    def _between_both(self, frame: Frame, before: _Looked, after: _Looked) -> _Filling:
        """Who is there between two measured frames with somebody in them."""
        first, second = before.found[1], after.found[1]
        if _far(first, second):
            body = self._follower.glance(frame.rgb, second)
            if body is not None or not _together(first, second):
                return body, body is not None
        share = (frame.index - before.frame.index) / (after.frame.index - before.frame.index)
        return self._between.body(frame.rgb, share, before.found, after.found), False


def _together(first: Body, second: Body) -> bool:
    """Whether two masks cover much the same part of the picture."""
    boxes = extent(first.mask, SEEN), extent(second.mask, SEEN)
    return boxes[0] is not None and boxes[1] is not None and overlap(boxes[0], boxes[1]) > TOGETHER


def _far(first: Body, second: Body) -> bool:
    """Whether too much happened between two looks to fill it in."""
    trunk = [*SHOULDERS, *HIPS]
    moves = np.linalg.norm(first.keypoints[trunk] - second.keypoints[trunk], axis=1)
    moves = moves[np.isfinite(moves)]
    return not len(moves) or float(np.median(moves)) > FAR_SHARE * max(first.box.size)


def _sighting(frame: Frame, body: Body | None, *, measured: bool = False, cut: bool = False) -> Sighting:
    if body is None:
        nobody = np.full((LANDMARKS, 2), np.nan, np.float32), np.zeros(LANDMARKS, np.float32)
        return Sighting(frame, *nobody, np.zeros(frame.rgb.shape[:2], np.uint8), measured, cut)
    return Sighting(frame, body.keypoints, body.confidence, body.mask, measured, cut)
