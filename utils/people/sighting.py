"""One pass over a clip's frames that finds the person in each and the first frame of every shot.

Either every frame is measured (the pose model runs), or one in `every`; skipped frames wait and are filled in from
the measured ones around them, never across a cut. Frames in which somebody appears or disappears are all measured.

State of `_Pass` is the last measured frame of the shot; `waiting` frames follow it:

    state   next measured frame     next state            waiting frames are filled by
    ------  ----------------------  --------------------  ---------------------------------------------
    START   anything                FOUND or EMPTY        (none wait)
    FOUND   person                  FOUND                 interpolation, or detection if they moved far
    FOUND   nobody, first frames    FOUND, frame waits    (up to LOST_FRAMES: they may be found again)
    FOUND   nobody, for longer      EMPTY                 the mask propagated forwards to the edge
    EMPTY   nobody                  EMPTY, frame waits    nobody, for all but the last LOST_FRAMES
    EMPTY   person                  FOUND                 the mask propagated backwards to the edge
    any     a dark frame, or last   FOUND or EMPTY        as above, without waiting any longer
    any     a cut, then its frame   START, FOUND, EMPTY   as for the last frame of the shot
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, bounding_box
from utils.media.video import Frame
from utils.people.cuts import CutFinder
from utils.people.edge_exit import at_edge, propagate_mask
from utils.people.follow import Follower
from utils.people.mask_interpolation import MaskInterpolator
from utils.people.matte import SEEN
from utils.people.model import Body, PoseModel
from utils.people.model import models as models
from utils.people.pose import HIPS, LANDMARKS, SHOULDERS, Keypoints
from utils.people.subject import Subject, overlap

LOST_FRAMES = 8
"""Longest loss that is filled in once the person is found again, and the longest time they may take to come or go."""
DARK = 12.0
"""Mean level of a frame that is too dark to wait for a person to be found again."""
FAR_SHARE = 0.5
"""A trunk that moves more than this share of the person's size between two measured frames is not interpolated."""
OVERLAPPING = 0.5
"""Overlap of the two masks' boxes above which frames are interpolated all the same when a detection there fails."""


@dataclass(frozen=True)
class Sighting:
    """One frame and the person in it: 33 joints (px, NaN missing), 33 confidences, soft mask H x W (0 where nobody).

    `measured` says that the person was detected in this very frame; `cut` that the frame begins a new shot.
    """

    frame: Frame
    keypoints: Keypoints
    confidence: NDArray[np.float32]
    mask: NDArray[np.uint8]
    measured: bool
    cut: bool


def sightings(frames: Iterable[Frame], *, every: int = 1, subject: Subject | None = None) -> Iterator[Sighting]:
    """A sighting of each frame, in order; up to `every` frames are held back, or LOST_FRAMES while somebody is lost."""
    with closing(PoseModel()) as model:
        frame_pass = _Pass(Follower(model, subject), max(1, every))
        for frame in frames:
            yield from frame_pass.take(frame)
        yield from frame_pass.rest()


class _State(Enum):
    """What the last measured frame of the shot shows."""

    START = "no frame of this shot was measured yet"
    FOUND = "the person"
    EMPTY = "nobody"


_Filling = tuple[Body | None, bool]
"""The person in a frame that waited, and whether they were detected there."""


@dataclass(frozen=True)
class _Measured:
    """A measured frame and the person detected in it."""

    frame: Frame
    body: Body | None
    cut: bool = False

    @property
    def found(self) -> tuple[RGB, Body]:
        """Picture and person; only where one was detected."""
        assert self.body is not None
        return self.frame.rgb, self.body


class _Pass:
    """Measures frames, and holds skipped ones back until the next measured frame decides how they are filled."""

    def __init__(self, follower: Follower, every: int) -> None:
        self._follower, self._every = follower, every
        self._cuts, self._interpolator = CutFinder(), MaskInterpolator()
        self._last: _Measured | None = None
        self._waiting: list[Frame] = []
        self._failed: set[int] = set()

    @property
    def _state(self) -> _State:
        if self._last is None:
            return _State.START
        return _State.EMPTY if self._last.body is None else _State.FOUND

    def take(self, frame: Frame) -> Iterator[Sighting]:
        """Take the next frame; yields the sightings that are certain by now."""
        cut = self._cuts.is_cut(frame.rgb)
        if cut:
            yield from self.rest()
            self._follower.restart()
            self._last = None
        if self._state is not _State.START and self._since_model_ran() + 1 < self._every:
            self._waiting.append(frame)
            return
        yield from self._measure(frame, cut)

    def _since_model_ran(self) -> int:
        """Frames since the model last ran: all that wait after a detection, else those since the last failure."""
        if self._state is _State.FOUND:
            return len(self._waiting)
        return next(
            (n for n, frame in enumerate(self._waiting[::-1]) if frame.index in self._failed), len(self._waiting)
        )

    def rest(self) -> Iterator[Sighting]:
        """Yield what still waits at the end of a shot, whose last frame is measured too."""
        if self._waiting:
            yield from self._measure(self._waiting.pop(), cut=False, last=True)

    def _measure(self, frame: Frame, cut: bool, last: bool = False) -> Iterator[Sighting]:
        """Measure a frame; yields the frames that waited and then this one, or adds this one to those that wait.

        A lost person may be found again soon: until then the frame waits, so that they do not vanish for a few frames.
        """
        measured = _Measured(frame, self._follower.follow(frame.rgb, frame.index), cut)
        may_wait = self._state is not _State.START and not last and frame.rgb[::8, ::8].mean() > DARK
        if measured.body is None and may_wait:
            self._failed.add(frame.index)
            if self._state is _State.EMPTY:
                yield from self._release_empty(len(self._waiting) - LOST_FRAMES + 1)
                self._waiting.append(frame)
                return
            if len(self._waiting) < LOST_FRAMES:
                self._waiting.append(frame)
                return
        waiting, self._waiting = self._waiting, []
        yield from self._filled(waiting, measured)
        self._last, self._failed = measured, set()
        yield _sighting(frame, measured.body, measured=measured.body is not None, cut=cut)

    def _release_empty(self, count: int) -> Iterator[Sighting]:
        """Yield the first `count` waiting frames with nobody in them: too early for whoever appears next."""
        for _ in range(count):
            frame = self._waiting.pop(0)
            self._failed.discard(frame.index)
            yield _sighting(frame, None)

    def _filled(self, frames: list[Frame], after: _Measured) -> Iterator[Sighting]:
        """The waiting frames between the last measured frame and `after`."""
        before = self._last
        bodies: list[_Filling]
        if before is None or (before.body is None and after.body is None):
            bodies = [(None, False)] * len(frames)
        elif after.body is None:
            bodies = list(self._propagated(frames, before))
        elif before.body is None:
            bodies = list(self._propagated(frames[::-1], after))[::-1]
        else:
            bodies = [self._interpolated(frame, before, after) for frame in frames]
        for frame, (body, measured) in zip(frames, bodies, strict=True):
            yield _sighting(frame, body, measured=measured)

    def _propagated(self, frames: list[Frame], anchor: _Measured) -> Iterator[_Filling]:
        """The person who is coming or going, in frames farther and farther from one in which they were detected."""
        neighbour, body = anchor.found
        current: Body | None = body
        for frame in frames:
            detected = None
            if current is not None and np.isfinite(current.keypoints).any() and frame.index not in self._failed:
                detected = self._follower.detect_near(frame.rgb, current)
            if detected is None and current is not None:
                current = propagate_mask(current, neighbour, frame.rgb) if at_edge(current.mask) else None
            else:
                current = detected
            neighbour = frame.rgb
            yield current, detected is not None

    def _interpolated(self, frame: Frame, before: _Measured, after: _Measured) -> _Filling:
        """The person in a frame between two measured frames that both show them."""
        first, second = before.found[1], after.found[1]
        if _moved_far(first, second):
            body = self._follower.detect_near(frame.rgb, second)
            if body is not None or not _overlapping(first, second):
                return body, body is not None
        share = (frame.index - before.frame.index) / (after.frame.index - before.frame.index)
        return self._interpolator.body(frame.rgb, share, before.found, after.found), False


def _overlapping(first: Body, second: Body) -> bool:
    """Whether the boxes of two masks overlap enough to interpolate between them."""
    boxes = bounding_box(first.mask, SEEN), bounding_box(second.mask, SEEN)
    return boxes[0] is not None and boxes[1] is not None and overlap(boxes[0], boxes[1]) > OVERLAPPING


def _moved_far(first: Body, second: Body) -> bool:
    """Whether the trunk moved too far between two measured frames to interpolate."""
    trunk = [*SHOULDERS, *HIPS]
    moves = np.linalg.norm(first.keypoints[trunk] - second.keypoints[trunk], axis=1)
    moves = moves[np.isfinite(moves)]
    return not len(moves) or float(np.median(moves)) > FAR_SHARE * max(first.box.size)


def _sighting(frame: Frame, body: Body | None, *, measured: bool = False, cut: bool = False) -> Sighting:
    """The sighting of a frame; without a body all joints are missing and the mask is empty."""
    if body is None:
        nobody = np.full((LANDMARKS, 2), np.nan, np.float32), np.zeros(LANDMARKS, np.float32)
        return Sighting(frame, *nobody, np.zeros(frame.rgb.shape[:2], np.uint8), measured, cut)
    return Sighting(frame, body.keypoints, body.confidence, body.mask, measured, cut)
