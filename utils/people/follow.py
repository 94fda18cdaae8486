"""Keeps the pose model on one person: notices when it lets go of them or takes up another, and steers it back.

When they have left for long, whoever comes next takes their place, until they leave in turn.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from utils.image import RGB, Box
from utils.people.confirm_person import confirmed
from utils.people.model import Body, PoseModel
from utils.people.pose import HIPS, SHOULDERS
from utils.people.subject import SAME_PLACE, Subject, bodily, colours_of, likeness, overlap, shaped, without
from utils.people.views import only, parts, placed, whole, zoomed

STEP_SHARE, STEP_SHARE_A_FRAME = 0.22, 0.06
"""Of the person's size: how far they may be from where they were going."""
SIZE_RATIO = 1.7
MEMORY_FRAMES = 12
"""For so long a lost person is expected where they were lost, and for no more looks than they had been seen in."""
AWAY_FRAMES = 48
"""When the subject was not seen for longer, somebody else may take their place."""
HUNT_FRAMES = 3
"""While only others are seen, they are looked at closely once in so many frames."""
SEARCH_FRAMES = 6
"""While nobody is seen, somebody small is searched for once in so many frames."""
NEAR = 0.2
"""Overlap with the expected box that makes up for other colours."""
LEAST, LEAST_NEAR = 0.72, 0.45
"""Likeness to the subject's colours, away from where they are expected and there."""
MARGIN = 0.03
"""By so much more like another: it is the other."""
SMALLEST = 0.25
"""Of the subject's size: who takes their place is no smaller."""


@dataclass(frozen=True)
class _Trail:
    """Where the person was last, and where they were going, px a frame."""

    index: int
    box: Box
    middle: tuple[float, float]
    speed: tuple[float, float] = (0.0, 0.0)
    since: int = 0
    looks: int = 1

    def ahead(self, index: int) -> tuple[float, float]:
        """Where the middle of their trunk should be by now; nobody is expected to run far unseen."""
        frames = min(index - self.index, MEMORY_FRAMES // 2)
        return self.middle[0] + frames * self.speed[0], self.middle[1] + frames * self.speed[1]


class Follower:
    """Gives the same person in one frame after the other. `subject` says who comes first, else whoever is found first.

    In the place of a subject who has left for long there is whoever is found then, unless they were seen beside them.
    """

    def __init__(self, model: PoseModel, subject: Subject | None = None) -> None:
        self._model, self._subject = model, subject
        self.restart()

    def look(self, rgb: RGB, index: int) -> Body | None:
        """The person in a frame, or None. Frames come in order; some may be left out.

        Whoever is new is looked at twice: the model's first look is a guess that its second one settles.
        """
        trail = self._trail
        body = self._seen(rgb)
        if trail is None or not self._holds(trail, index):
            return self._taken(self._identified(body and self._seen(rgb), rgb, index), index)
        if body is not None and _goes_on(trail, body, index) and not self._mistaken(body, rgb):
            return self._taken(body, index)
        if body is not None:
            self._model.forget()
            body = self._seen(only(rgb, _expected(trail, index)))
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
        self._trail: _Trail | None = None
        self._replaced, self._in_vain = False, 0
        self._there, self._hunted = -AWAY_FRAMES - 1, -SEARCH_FRAMES
        self._model.forget()

    def _seen(self, rgb: RGB) -> Body | None:
        body = self._model.look(rgb)
        return body if body is not None and bodily(body) else None

    def _holds(self, trail: _Trail, index: int) -> bool:
        """Whether the person is still expected near."""
        return index - trail.index <= MEMORY_FRAMES and self._in_vain < trail.looks

    def _taken(self, body: Body | None, index: int) -> Body | None:
        """Remembers where this leads."""
        if body is None:
            self._in_vain += 1
            return None
        x, y = _middle(body)
        last, trail = self._trail, _Trail(index, body.box, (x, y), since=index)
        if last is not None and self._holds(last, index):
            frames = max(1, index - last.index)
            speed = ((x - last.middle[0]) / frames, (y - last.middle[1]) / frames)
            trail = _Trail(index, body.box, (x, y), speed, last.since, last.looks + 1)
        self._trail, self._in_vain = trail, 0
        if not self._replaced and index - trail.since >= MEMORY_FRAMES:
            self._there = index
        return body

    def _identified(self, body: Body | None, rgb: RGB, index: int) -> Body | None:
        """Someone newly found, if it is the subject; else the subject, looked for closely; or who takes their place."""
        if body is not None and self._is_subject(body, rgb, index):
            self._replaced = False
            return body
        self._model.forget()
        if index - self._hunted < (SEARCH_FRAMES if body is None else HUNT_FRAMES):
            return None
        self._hunted = index
        rest = rgb if body is None else without(rgb, [body])
        strangers = [] if body is None else [body]
        for other in self._searched(rest, body, index):
            if self._is_subject(other, rgb, index):
                self._replaced = False
                return self._settled(other, rest)
            strangers.append(other)
        for other in strangers:
            if self._takes_over(other, rgb, index):
                self._replaced = True
                return self._settled(other, rgb)
        return None

    def _searched(self, rest: RGB, body: Body | None, index: int) -> Iterator[Body]:
        """Whoever else is found where the model does not look by itself: behind somebody, or small in the picture."""
        expected = None if self._subject is None else self._subject.expected(index)
        if body is not None:
            yield from self._found(rest, whole(rest), body)
        if expected is not None:
            yield from self._found(only(rest, expected), whole(rest), body)
        for part in parts(rest):
            yield from self._found(rest, part, body)

    def _found(self, view: RGB, part: Box, known: Body | None) -> Iterator[Body]:
        """Who is found in a part; not the shape of somebody known, painted over."""
        found = self._seen(view[part.slices])
        self._model.forget()
        if found is not None:
            found = placed(found, part, view)
            if known is None or overlap(found.box, known.box) < SAME_PLACE:
                yield found

    def _settled(self, body: Body, view: RGB) -> Body | None:
        """The same person, whom the model follows from now on: shown large first, and then alone in the picture."""
        alone = only(view, body.box)
        self._model.look(zoomed(alone, body.box))
        self._model.look(alone)
        settled = self._seen(alone)
        if settled is not None and overlap(settled.box, body.box) > SAME_PLACE:
            return settled
        self._model.forget()
        return None

    def _takes_over(self, body: Body, rgb: RGB, index: int) -> bool:
        """Whether someone else has the subject's place from now on."""
        subject = self._subject
        if subject is not None:
            colours = colours_of(body, rgb)
            beside = any(likeness(colours, other) >= LEAST for other in subject.others)
            small = max(body.box.size) < SMALLEST * max(subject.box.size)
            if beside or small or index - self._there <= AWAY_FRAMES:
                return False
        return shaped(body) and confirmed(self._model, rgb, body)

    def _mistaken(self, body: Body, rgb: RGB) -> bool:
        """Whether this is clearly somebody else, known from the glimpses."""
        subject = self._subject
        if subject is None or self._replaced or not subject.others:
            return False
        return subject.lead(colours_of(body, rgb)) < -MARGIN

    def _is_subject(self, body: Body, rgb: RGB, index: int) -> bool:
        if self._subject is None or not shaped(body):
            return False
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
