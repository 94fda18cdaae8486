"""Which of several people the clip is about, found in a few glimpses before the long look.

The pose model gives one person at a time, so each glimpse is looked at whole and in overlapping parts, and once more
with those already found painted out. The same person in different glimpses is told by the colours of their clothes.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, Box
from utils.media.video import Frame, FrameSource
from utils.people.model import Body, PoseModel
from utils.people.pose import HIPS, SHOULDERS
from utils.people.views import parts, placed, whole

Colours = NDArray[np.float32]
"""How much of a person has which colour; sums to 1."""
Rule = Literal["largest", "central"]

SAMPLED = 9
WORKERS = 2
"""Glimpses that are looked at at once."""
LOOKS = 3
"""At most so many people are looked for in the whole of a glimpse."""
SAME_PLACE = 0.35
"""Overlap of two boxes of one person."""
SAME_COLOURS = 0.72
"""Likeness from which on two are the same person."""
BODILY = 90
"""What the mask must say at shoulders and hips, on average, for joints to be a person's."""
TRUNK_SHARE = 0.2
"""Of the size of somebody: what lies at least between shoulders and hips. In things the model draws all in one spot."""


@dataclass(frozen=True)
class Place:
    """Where a person is in one frame."""

    index: int
    box: Box


@dataclass(frozen=True)
class Subject:
    """The person to follow: in which glimpses they were seen, their colours, and those of who was seen beside them.

    Who was only seen without them is not one of the others: they may take the subject's place.
    """

    places: tuple[Place, ...]
    colours: Colours
    others: tuple[Colours, ...] = ()

    @property
    def index(self) -> int:
        """Of the frame in which they are largest."""
        return self._best.index

    @property
    def box(self) -> Box:
        """Where they are in that frame."""
        return self._best.box

    @property
    def _best(self) -> Place:
        return max(self.places, key=lambda place: (area(place.box), -place.index))

    def lead(self, colours: Colours) -> float:
        """By how much somebody's colours are more like the subject's than like anybody else's; negative: another."""
        return likeness(colours, self.colours) - max((likeness(colours, each) for each in self.others), default=0.0)

    def expected(self, index: int) -> Box | None:
        """Roughly where they should be in a frame; None before and after they were seen."""
        for before, after in pairwise(self.places):
            if before.index <= index <= after.index:
                share = (index - before.index) / (after.index - before.index)
                return Box(*(round((1 - share) * a + share * b) for a, b in zip(before.box, after.box, strict=True)))
        return next((place.box for place in self.places if place.index == index), None)


@dataclass
class _Candidate:
    """Somebody, as far as they were recognised."""

    places: list[Place] = field(default_factory=list)
    colours: list[Colours] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    centrality: list[float] = field(default_factory=list)

    @property
    def mean(self) -> Colours:
        """Of the colours of all glimpses."""
        mean: Colours = np.mean(self.colours, axis=0, dtype=np.float32)
        return mean

    def worth(self, rule: Rule, glimpses: int) -> float:
        """How much this is the subject: by one of two rules, and by how often they were seen."""
        values = self.sizes if rule == "largest" else self.centrality
        return float(np.median(values) * np.sqrt(len(self.places) / glimpses))


def choose_subject(frames: FrameSource, rule: Rule) -> Subject | None:
    """The person the clip is about; None when nobody is seen, or only once: that may be an error."""
    wanted = sorted({round(each) for each in np.linspace(0, len(frames) - 1, SAMPLED)}) if len(frames) else []
    candidates: list[_Candidate] = []
    for frame, found in _glimpses(frames.read(wanted)):
        _recognise(candidates, frame.index, frame.rgb, found)
    once = len(wanted) > 2 and sum(len(each.places) for each in candidates) == 1
    if not candidates or once:
        return None
    best = max(candidates, key=lambda each: each.worth(rule, len(wanted)))
    seen = {place.index for place in best.places}
    others = tuple(
        each.mean for each in candidates if each is not best and any(place.index in seen for place in each.places)
    )
    return Subject(tuple(best.places), best.mean, others)


def _glimpses(frames: Iterable[Frame]) -> Iterator[tuple[Frame, list[Body]]]:
    """Frames and who is in them; several are looked at at once, each by a model of its own."""
    with ExitStack() as models, ThreadPoolExecutor(WORKERS) as pool:
        idle = [models.enter_context(closing(PoseModel(alone=True))) for _ in range(WORKERS)]

        def look(frame: Frame) -> tuple[Frame, list[Body]]:
            model = idle.pop()
            try:
                return frame, people(model, frame.rgb)
            finally:
                idle.append(model)

        coming: deque[Future[tuple[Frame, list[Body]]]] = deque()
        for frame in frames:
            coming.append(pool.submit(look, frame))
            if len(coming) > WORKERS:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def people(model: PoseModel, rgb: RGB) -> list[Body]:
    """Everybody the model can be made to see in one picture."""
    found: list[Body] = []
    for part in (whole(rgb), *parts(rgb)):
        body = model.look(rgb[part.slices])
        if body is not None and bodily(body) and shaped(body):
            _add(found, placed(body, part, rgb))
    for _ in range(LOOKS):
        body = model.look(without(rgb, found))
        if body is None or not (bodily(body) and shaped(body)) or not _add(found, body):
            break
    return found


def bodily(body: Body) -> bool:
    """Whether mask and joints speak of the same thing; joints alone are also seen in bushes."""
    trunk = body.keypoints[[*SHOULDERS, *HIPS]]
    trunk = trunk[np.isfinite(trunk[:, 0])]
    if not len(trunk):
        return False
    x, y = np.rint(trunk).astype(int).T
    height, width = body.mask.shape
    return bool(body.mask[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)].mean() >= BODILY)


def shaped(body: Body) -> bool:
    """Whether shoulders and hips, where both are seen, lie apart."""
    shoulders, hips = (body.keypoints[list(pair)] for pair in (SHOULDERS, HIPS))
    if not (np.isfinite(shoulders).any() and np.isfinite(hips).any()):
        return True
    trunk_px = np.linalg.norm(np.nanmean(hips, axis=0) - np.nanmean(shoulders, axis=0))
    return bool(trunk_px >= TRUNK_SHARE * max(body.box.size))


def without(rgb: RGB, bodies: Sequence[Body]) -> RGB:
    """The picture with people painted over in its mean colour."""
    painted = rgb.copy()
    for body in bodies:
        grow = 2 * max(2, max(body.box.size) // 30) + 1
        painted[cv2.dilate(body.mask, np.ones((grow, grow), np.uint8)) > 40] = cv2.mean(rgb)[:3]
    return painted


def colours_of(body: Body, rgb: RGB) -> Colours:
    """The colours of what the mask surely covers: lightness coarsely, hue and strength finely."""
    box = body.box
    step = max(1, max(box.size) // 160)
    rows, columns = (slice(part.start, part.stop, step) for part in box.slices)
    lab = cv2.cvtColor(np.ascontiguousarray(rgb[rows, columns]), cv2.COLOR_RGB2LAB)
    sure = np.ascontiguousarray((body.mask[rows, columns] > 200).view(np.uint8))
    counts = cv2.calcHist([lab], [0, 1, 2], sure, [6, 12, 12], [0, 256, 80, 176, 80, 176])
    counts = cv2.GaussianBlur(counts.reshape(6, 144).T, (3, 1), 0).T.ravel() + 1e-6
    shares: Colours = (counts / counts.sum()).astype(np.float32)
    return shares


def likeness(first: Colours, second: Colours) -> float:
    """Of two people's colours, 0 to 1."""
    return float(np.sqrt(first * second).sum())


def area(box: Box) -> int:
    return box.size.area_px


def overlap(first: Box, second: Box) -> float:
    """What two boxes share of what they cover."""
    shared = area(first & second)
    return shared / max(1, area(first) + area(second) - shared)


def _add(found: list[Body], body: Body) -> bool:
    """Keep someone new; of two looks at one person the one that shows more joints stays."""
    for number, other in enumerate(found):
        if overlap(body.box, other.box) > SAME_PLACE or area(body.box & other.box) > 0.7 * area(body.box):
            if (body.confidence > 0).sum() > (other.confidence > 0).sum():
                found[number] = body
            return False
    found.append(body)
    return True


def _recognise(candidates: list[_Candidate], index: int, rgb: RGB, bodies: Sequence[Body]) -> None:
    """Give each body of a glimpse to the most alike candidate, or make a new one; nobody is in two places."""
    height, width = rgb.shape[:2]
    seen = [colours_of(body, rgb) for body in bodies]
    pairs = sorted(
        (
            (likeness(each.mean, colours), number, who)
            for number, colours in enumerate(seen)
            for who, each in enumerate(candidates)
        ),
        reverse=True,
    )
    known: dict[int, int] = {}
    for alike, number, who in pairs:
        if alike >= SAME_COLOURS and number not in known and who not in known.values():
            known[number] = who
    for number, body in enumerate(bodies):
        if number not in known:
            candidates.append(_Candidate())
        each = candidates[known.get(number, -1)]
        each.places.append(Place(index, body.box))
        each.colours.append(seen[number])
        each.sizes.append(float(np.sqrt((body.mask > 127).mean())))
        middle = (body.box.left + body.box.right) / 2
        each.centrality.append(
            max(0.0, 1 - abs(2 * middle / width - 1)) * float(np.sqrt(body.box.size.height_px / height))
        )
