"""Follows one person through a clip: notices when the pose model loses them or jumps to another, and steers it back.

State and transitions of `Follower`, one row per situation in a frame:

    state      in this frame                            next state  result
    ---------  ---------------------------------------  ----------  ------------------------------
    SEARCHING  the subject is found                     FOLLOWING   the subject
    SEARCHING  another person; the subject is long gone FOLLOWING   that person, now the stand-in
    SEARCHING  nobody, or another person                SEARCHING   None
    FOLLOWING  the followed person is where expected    FOLLOWING   that person
    FOLLOWING  they are not found                       FOLLOWING   None, one miss more
    FOLLOWING  too many misses, or MEMORY_FRAMES passed SEARCHING   (the frame is handled as there)
    any        restart(), at a cut                      SEARCHING

A stand-in is followed like the subject. When they are lost, the subject and other people are searched for again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from utils.image import RGB, Box
from utils.people.model import Body, PoseModel, halves, in_whole, isolated, zoomed
from utils.people.pose import HIPS, SHOULDERS
from utils.people.subject import (
    SAME_PLACE,
    Subject,
    colour_histogram,
    has_trunk,
    likeness,
    mask_covers_trunk,
    overlap,
    painted_over,
)

STEP_SHARE, STEP_SHARE_A_FRAME = 0.22, 0.06
"""How far the followed person may be from the predicted place, as a share of their size: base, and more per frame."""
SIZE_RATIO = 1.7
"""Largest change of the person's size from one detection to the next."""
MEMORY_FRAMES = 12
"""A lost person is expected where they were lost for this many frames, and for fewer misses than detections before."""
AWAY_FRAMES = 48
"""When the subject was not seen for longer than this, somebody else may take their place."""
HUNT_FRAMES = 3
"""While only other people are detected, the subject is searched for in detail once in this many frames."""
SEARCH_FRAMES = 6
"""While nobody is detected, the picture is searched in detail for small people once in this many frames."""
NEAR = 0.2
"""Overlap with the expected box from which on less similar colours are enough."""
LEAST, LEAST_NEAR = 0.72, 0.45
"""Least likeness to the subject's colours, elsewhere in the picture and near the expected box."""
MARGIN = 0.03
"""A person whose colours are more like another person's by this much is that other person."""
SMALLEST = 0.25
"""A stand-in is at least this large, as a share of the subject's size."""
CROPS = (1.5, 2.2, 3.0)
"""Sides of the crops in which a new person is confirmed, times the person's size."""
CROP_PX = 256
"""Side of these crops when the model sees them."""
SAME = 0.4
"""Least overlap of the confirming detection with the first one."""


class _State(Enum):
    """Whether a followed person is expected near a known place, or has to be searched for in the whole picture."""

    SEARCHING = "searching"
    FOLLOWING = "following"


@dataclass(frozen=True)
class _Trail:
    """The followed person's last detection: frame, box, middle of the trunk, and speed in px per frame.

    `since` is the frame in which following began, `detections` how often they were detected since.
    """

    index: int
    box: Box
    middle: tuple[float, float]
    speed: tuple[float, float] = (0.0, 0.0)
    since: int = 0
    detections: int = 1

    def predicted(self, index: int) -> tuple[float, float]:
        """Where the middle of their trunk should be in a frame; the speed is used for half of MEMORY_FRAMES at most."""
        frames = min(index - self.index, MEMORY_FRAMES // 2)
        return self.middle[0] + frames * self.speed[0], self.middle[1] + frames * self.speed[1]


class Follower:
    """Gives the same person in one frame after the other: `subject`, or without one whoever is detected first.

    When the subject has been gone for AWAY_FRAMES, a person who was never seen beside them takes their place.
    """

    def __init__(self, model: PoseModel, subject: Subject | None = None) -> None:
        self._model, self._subject = model, subject
        self.restart()

    def follow(self, rgb: RGB, index: int) -> Body | None:
        """The followed person in a frame, or None. Frames come in order; some may be left out.

        Somebody new is detected twice, because the model's first detection is a guess that the second one refines.
        """
        body = self._detect(rgb)
        trail = self._trail
        if trail is None or self._state(index) is _State.SEARCHING:
            return self._remember(self._identify(body and self._detect(rgb), rgb, index), index)
        return self._remember(self._continue(trail, body, rgb, index), index)

    def detect_near(self, rgb: RGB, near: Body) -> Body | None:
        """The person in a frame out of order, close to where they are in another one; the state does not change."""
        body = self._detect(rgb)
        return body if body is not None and _is_close(_Trail(0, near.box, _middle(near)), body, 2) else None

    def restart(self) -> None:
        """Begin a new shot: forget where everybody was."""
        self._trail: _Trail | None = None
        self._has_stand_in, self._misses = False, 0
        self._subject_seen, self._searched = -AWAY_FRAMES - 1, -SEARCH_FRAMES
        self._model.forget()

    def _state(self, index: int) -> _State:
        trail = self._trail
        if trail is None or index - trail.index > MEMORY_FRAMES or self._misses >= trail.detections:
            return _State.SEARCHING
        return _State.FOLLOWING

    def _detect(self, rgb: RGB) -> Body | None:
        body = self._model.detect(rgb)
        return body if body is not None and mask_covers_trunk(body) else None

    def _continue(self, trail: _Trail, body: Body | None, rgb: RGB, index: int) -> Body | None:
        """FOLLOWING: the detection if it is the followed person, else a second try around their expected place."""
        if body is None or self._is_followed(trail, body, rgb, index):
            return body
        self._model.forget()
        body = self._detect(isolated(rgb, _expected(trail, index)))
        if body is not None and self._is_followed(trail, body, rgb, index):
            return body
        self._model.forget()
        return None

    def _is_followed(self, trail: _Trail, body: Body, rgb: RGB, index: int) -> bool:
        return _is_close(trail, body, index) and not self._is_another(body, rgb)

    def _remember(self, body: Body | None, index: int) -> Body | None:
        """Update trail and misses with a frame's result."""
        if body is None:
            self._misses += 1
            return None
        x, y = _middle(body)
        last, trail = self._trail, _Trail(index, body.box, (x, y), since=index)
        if last is not None and self._state(index) is _State.FOLLOWING:
            frames = max(1, index - last.index)
            speed = ((x - last.middle[0]) / frames, (y - last.middle[1]) / frames)
            trail = _Trail(index, body.box, (x, y), speed, last.since, last.detections + 1)
        self._trail, self._misses = trail, 0
        if not self._has_stand_in and index - trail.since >= MEMORY_FRAMES:
            self._subject_seen = index
        return body

    def _identify(self, body: Body | None, rgb: RGB, index: int) -> Body | None:
        """SEARCHING: the detection if it is the subject, else the subject by a detailed search, else a stand-in."""
        if body is not None and self._is_subject(body, rgb, index):
            self._has_stand_in = False
            return body
        self._model.forget()
        if index - self._searched < (SEARCH_FRAMES if body is None else HUNT_FRAMES):
            return None
        self._searched = index
        rest = rgb if body is None else painted_over(rgb, [body])
        strangers = [] if body is None else [body]
        for other in self._search(rest, body, index):
            if self._is_subject(other, rgb, index):
                self._has_stand_in = False
                return self._lock_on(other, rest)
            strangers.append(other)
        for other in strangers:
            if self._may_stand_in(other, rgb, index):
                self._has_stand_in = True
                return self._lock_on(other, rgb)
        return None

    def _search(self, rest: RGB, body: Body | None, index: int) -> Iterator[Body]:
        """People the model does not detect by itself: beside the detected `body`, or small in a part of the picture."""
        expected = None if self._subject is None else self._subject.expected(index)
        if body is not None:
            yield from self._search_part(rest, Box.of(rest), body)
        if expected is not None:
            yield from self._search_part(isolated(rest, expected), Box.of(rest), body)
        for part in halves(rest):
            yield from self._search_part(rest, part, body)

    def _search_part(self, view: RGB, part: Box, known: Body | None) -> Iterator[Body]:
        """The person detected in a part, unless it is the painted-over shape of the person already known."""
        found = self._detect(view[part.slices])
        self._model.forget()
        if found is not None:
            found = in_whole(found, part, view)
            if known is None or overlap(found.box, known.box) < SAME_PLACE:
                yield found

    def _lock_on(self, body: Body, view: RGB) -> Body | None:
        """Make the model track this person: it is shown them large first, and then alone in the picture."""
        alone = isolated(view, body.box)
        self._model.detect(zoomed(alone, body.box))
        self._model.detect(alone)
        tracked = self._detect(alone)
        if tracked is not None and overlap(tracked.box, body.box) > SAME_PLACE:
            return tracked
        self._model.forget()
        return None

    def _may_stand_in(self, body: Body, rgb: RGB, index: int) -> bool:
        """Whether another person takes the subject's place from now on."""
        subject = self._subject
        if subject is not None:
            colours = colour_histogram(body, rgb)
            beside_subject = any(likeness(colours, other) >= LEAST for other in subject.others)
            small = max(body.box.size) < SMALLEST * max(subject.box.size)
            if beside_subject or small or index - self._subject_seen <= AWAY_FRAMES:
                return False
        return has_trunk(body) and confirm_person(self._model, rgb, body)

    def _is_another(self, body: Body, rgb: RGB) -> bool:
        """Whether this is clearly one of the other people of the sampled frames, while the subject is followed."""
        subject = self._subject
        if subject is None or self._has_stand_in or not subject.others:
            return False
        return subject.lead(colour_histogram(body, rgb)) < -MARGIN

    def _is_subject(self, body: Body, rgb: RGB, index: int) -> bool:
        """Whether a person has the subject's colours; less strictly where the subject is expected."""
        if self._subject is None or not has_trunk(body):
            return False
        colours = colour_histogram(body, rgb)
        alike = likeness(colours, self._subject.colours)
        expected = self._subject.expected(index)
        near = expected is not None and overlap(expected, body.box) > NEAR
        return self._subject.lead(colours) > 0 and alike >= (LEAST_NEAR if near else LEAST)


def confirm_person(model: PoseModel, rgb: RGB, body: Body) -> bool:
    """Whether a new detection is a person at all, and not the foot of a table or a dog.

    It is confirmed when most of a few closer crops show them too. The model has forgotten whom it tracked afterwards.
    """
    return sum(_detected_again(model, rgb, body.box, crop) for crop in CROPS) * 2 > len(CROPS)


def _detected_again(model: PoseModel, rgb: RGB, box: Box, crop: float) -> bool:
    """Whether a person is detected in the same place in a crop of the picture around them."""
    side = crop * max(box.size)
    left, top = round((box.left + box.right - side) / 2), round((box.top + box.bottom - side) / 2)
    part = Box(left, top, left + round(side), top + round(side)) & Box.of(rgb)
    scale = CROP_PX / side
    model.forget()
    found = model.detect(cv2.resize(rgb[part.slices], part.size.scaled(scale), interpolation=cv2.INTER_LINEAR))
    model.forget()
    if found is None:
        return False
    there = Box(*(round(edge / scale) for edge in found.box))
    return overlap(there, box.within(part)) > SAME


def _is_close(trail: _Trail, body: Body, index: int) -> bool:
    """Whether a body is near enough to the predicted place, and similar enough in size, to be the followed person."""
    frames = index - trail.index
    size, before = max(body.box.size), max(trail.box.size)
    away = np.hypot(*np.subtract(_middle(body), trail.predicted(index)))
    reach = (STEP_SHARE + STEP_SHARE_A_FRAME * frames) * max(size, before)
    return bool(away < reach and 1 / SIZE_RATIO < size / before < SIZE_RATIO)


def _middle(body: Body) -> tuple[float, float]:
    """The middle of the trunk, or of all joints when shoulders and hips are missing."""
    trunk = body.keypoints[[*SHOULDERS, *HIPS]]
    points = trunk if np.isfinite(trunk).any() else body.keypoints
    x, y = np.nanmean(points, axis=0)
    return float(x), float(y)


def _expected(trail: _Trail, index: int) -> Box:
    """The followed person's last box, moved to their predicted place."""
    x, y = np.rint(np.subtract(trail.predicted(index), trail.middle)).astype(int).tolist()
    left, top, right, bottom = trail.box
    return Box(left + x, top + y, right + x, bottom + y)
