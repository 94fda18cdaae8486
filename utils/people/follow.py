"""Keeps the pose model on one person: notices when it lets go of them or takes up another, and steers it back."""

from dataclasses import dataclass

import numpy as np

from utils.image import RGB, Box, Size
from utils.people.model import Body, PoseModel
from utils.people.pose import HIPS, SHOULDERS
from utils.people.subject import Subject, bodily, colours_of, likeness, overlap, without

STEP_SHARE, STEP_SHARE_A_FRAME = 0.22, 0.06
"""Of the person's size: how far they may be from where they were going."""
SIZE_RATIO = 1.7
GROW_SHARE = 0.3
"""Of the expected box, on each side: how much of the picture is shown when steering."""
MEMORY_FRAMES = 12
"""For so long a lost person is expected where they were lost."""
HUNT_FRAMES = 3
"""While only others are seen, the subject is searched for once in so many frames."""
NEAR = 0.2
"""Overlap with the expected box that makes up for other colours."""
LEAST, LEAST_NEAR = 0.72, 0.45
"""Likeness to the subject's colours, away from where they are expected and there."""
MARGIN = 0.03
"""By so much more like another: it is the other."""


@dataclass(frozen=True)
class _Trail:
    """Where the person was last, and where they were going, px a frame."""

    index: int
    box: Box
    middle: tuple[float, float]
    speed: tuple[float, float] = (0.0, 0.0)

    def ahead(self, index: int) -> tuple[float, float]:
        """Where the middle of their trunk should be by now; nobody is expected to run far unseen."""
        frames = min(index - self.index, MEMORY_FRAMES // 2)
        return self.middle[0] + frames * self.speed[0], self.middle[1] + frames * self.speed[1]


class Follower:
    """Gives the same person in one frame after the other. `subject` says who, else whoever is found first."""

    def __init__(self, model: PoseModel, subject: Subject | None = None) -> None:
        self._model, self._subject = model, subject
        self._trail: _Trail | None = None
        self._hunted = -HUNT_FRAMES

    def look(self, rgb: RGB, index: int) -> Body | None:
        """The person in a frame, or None. Frames come in order; some may be left out.

        Whoever is new is looked at twice: the model's first look is a guess that its second one settles.
        """
        trail = self._trail
        body = self._seen(rgb)
        if trail is None or index - trail.index > MEMORY_FRAMES:
            return self._taken(self._identified(body and self._seen(rgb), rgb, index), index)
        if body is not None and _goes_on(trail, body, index) and not self._mistaken(body, rgb):
            return self._taken(body, index)
        if body is not None:
            self._model.forget()
            body = self._seen(_only(rgb, _expected(trail, index)))
            if body is None or not _goes_on(trail, body, index) or self._mistaken(body, rgb):
                body = None
                self._model.forget()
        return self._taken(body, index)

    def glance(self, rgb: RGB, near: Body) -> Body | None:
        """The person in a frame out of order, close to where they are in another; what is remembered stays."""
        body = self._seen(rgb)
        return body if body is not None and _goes_on(_Trail(0, near.box, _middle(near)), body, 2) else None

    def restart(self) -> None:
        """A new shot: nothing is where it was."""
        self._trail, self._hunted = None, -HUNT_FRAMES
        self._model.forget()

    def _seen(self, rgb: RGB) -> Body | None:
        body = self._model.look(rgb)
        return body if body is not None and bodily(body) else None

    def _taken(self, body: Body | None, index: int) -> Body | None:
        """Remembers where this leads."""
        if body is not None:
            x, y = _middle(body)
            last, speed = self._trail, (0.0, 0.0)
            if last is not None and index - last.index <= MEMORY_FRAMES:
                frames = max(1, index - last.index)
                speed = ((x - last.middle[0]) / frames, (y - last.middle[1]) / frames)
            self._trail = _Trail(index, body.box, (x, y), speed)
        return body

    def _identified(self, body: Body | None, rgb: RGB, index: int) -> Body | None:
        """Someone newly found, if it is the subject; the subject behind someone who is not."""
        if body is None or self._subject is None or self._is_subject(body, rgb, index):
            return body
        self._model.forget()
        if index - self._hunted < HUNT_FRAMES:
            return None
        self._hunted = index
        expected = self._subject.expected(index)
        rest = without(rgb, [body])
        for view in (rest,) if expected is None else (rest, _only(rest, expected)):
            other = self._seen(view)
            if other is not None and self._is_subject(other, rgb, index):
                return other
            self._model.forget()
        return None

    def _mistaken(self, body: Body, rgb: RGB) -> bool:
        """Whether this is clearly somebody else, known from the glimpses."""
        subject = self._subject
        return subject is not None and bool(subject.others) and subject.lead(colours_of(body, rgb)) < -MARGIN

    def _is_subject(self, body: Body, rgb: RGB, index: int) -> bool:
        assert self._subject is not None
        colours = colours_of(body, rgb)
        alike = likeness(colours, self._subject.colours)
        expected = self._subject.expected(index)
        near = expected is not None and overlap(expected, body.box) > NEAR
        return self._subject.lead(colours) > 0 and alike >= (LEAST_NEAR if near else LEAST)


def _goes_on(trail: _Trail, body: Body, index: int) -> bool:
    """Whether a body can be the one of the trail."""
    frames = index - trail.index
    size, before = max(body.box.size), max(trail.box.size)
    away = np.hypot(*np.subtract(_middle(body), trail.ahead(index)))
    reach = (STEP_SHARE + STEP_SHARE_A_FRAME * frames) * max(size, before)
    return bool(away < reach and 1 / SIZE_RATIO < size / before < SIZE_RATIO)


def _middle(body: Body) -> tuple[float, float]:
    """Of the trunk, else of all joints."""
    trunk = body.keypoints[[*SHOULDERS, *HIPS]]
    points = trunk if np.isfinite(trunk).any() else body.keypoints
    x, y = np.nanmean(points, axis=0)
    return float(x), float(y)


def _expected(trail: _Trail, index: int) -> Box:
    x, y = np.rint(np.subtract(trail.ahead(index), trail.middle)).astype(int).tolist()
    left, top, right, bottom = trail.box
    return Box(left + x, top + y, right + x, bottom + y)


def _only(rgb: RGB, box: Box) -> RGB:
    """The picture with everything away from a box blackened."""
    height, width = rgb.shape[:2]
    part = box.grown(round(GROW_SHARE * max(box.size)), Size(width, height)) & Box(0, 0, width, height)
    shown = np.zeros_like(rgb)
    shown[part.slices] = rgb[part.slices]
    return shown
