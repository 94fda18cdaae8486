"""Seeing the person: one pass over a clip's frames that says where they are in each, and where shots begin.

Every frame can be measured, or one in a few with the rest filled in between; never across a cut, and frames around a
coming or going are measured all.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from utils.image import RGB
from utils.people.between import Between
from utils.people.cuts import CutFinder
from utils.people.follow import Follower
from utils.people.model import Body, PoseModel
from utils.people.model import models as models
from utils.people.pose import HIPS, LANDMARKS, SHOULDERS, Keypoints
from utils.people.subject import Subject
from utils.video import Frame

LOST_FRAMES = 8
"""So long somebody may be lost and is filled in, when they are found again."""
DARK = 12.0
"""Levels on average: in a frame as black as this nobody is filled in."""
FAR_SHARE = 0.5
"""Of the person's size: a trunk that moved farther between two measured frames is not filled in between."""


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

    def take(self, frame: Frame) -> Iterator[Sighting]:
        """The next frame; gives what is certain by now."""
        cut = self._cuts.is_cut(frame.rgb)
        if cut:
            yield from self.rest()
            self._follower.restart()
            self._last = None
        if self._last is not None and len(self._waiting) + 1 < self._every:
            self._waiting.append(frame)
            return
        yield from self._measure(frame, cut)

    def rest(self) -> Iterator[Sighting]:
        """What still waits, at the end of a shot: its last frame is measured too."""
        if self._waiting:
            yield from self._measure(self._waiting.pop(), cut=False, last=True)

    def _measure(self, frame: Frame, cut: bool, last: bool = False) -> Iterator[Sighting]:
        """A frame that is looked at, after those that waited for it.

        Who is lost may be found again at once: until then it waits too, so that nobody blinks out for a few frames.
        """
        looked = _Looked(frame, self._follower.look(frame.rgb, frame.index), cut)
        lost = looked.body is None and self._last is not None and self._last.body is not None
        if lost and not last and len(self._waiting) < LOST_FRAMES and frame.rgb[::8, ::8].mean() > DARK:
            self._waiting.append(frame)
            return
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            yield self._filled(each, looked)
        self._last = looked
        yield _sighting(frame, looked.body, measured=looked.body is not None, cut=cut)

    def _filled(self, frame: Frame, after: _Looked) -> Sighting:
        """A frame between two measured ones."""
        before = self._last
        assert before is not None
        if before.body is None and after.body is None:
            return _sighting(frame, None)
        if before.body is None or after.body is None or _far(before.body, after.body):
            near = after.body if before.body is None else before.body
            assert near is not None
            body = self._follower.glance(frame.rgb, near)
            return _sighting(frame, body, measured=body is not None)
        share = (frame.index - before.frame.index) / (after.frame.index - before.frame.index)
        return _sighting(frame, self._between.body(frame.rgb, share, before.found, after.found))


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
