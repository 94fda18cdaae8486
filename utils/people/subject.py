"""Subject choice: which of several people the clip is about, decided on a few sampled frames before the full pass.

The pose model detects one person at a time, so each sampled frame is searched whole, in overlapping parts, and again
with the people already found painted over. The same person in different samples is recognised by a colour histogram.
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

from utils.errors import ClipError
from utils.image import RGB, Box
from utils.media.video import Frame, FrameSource
from utils.people.model import Body, PoseModel, halves, in_whole
from utils.people.pose import HIPS, SHOULDERS

Colours = NDArray[np.float32]
"""Colour histogram of a person; sums to 1."""
Rule = Literal["largest", "central"]
"""Who is the subject: the largest person, or the one nearest to the middle of the picture."""

SAMPLE_COUNT, FEWEST_SAMPLES, SAMPLE_STEP = 9, 5, 12
"""Number of frames sampled from the clip; of a short one fewer, down to the second number, if they would be nearer to
each other than the third."""
SAMPLE_WORKERS = 2
"""Sampled frames searched at the same time, each with a pose model of its own."""
EXTRA_DETECTIONS = 3
"""Most detections in the whole of a sampled frame after people found before were painted over."""
SAME_PLACE = 0.35
"""Overlap (intersection over union) above which two boxes are of one person."""
SAME_COLOURS = 0.72
"""Likeness of two colour histograms from which on they are of the same person."""
MIN_TRUNK_MASK = 90
"""Least mean mask value at shoulders and hips for a detection to count as a person."""
MIN_TRUNK_SHARE = 0.2
"""Least distance from shoulders to hips, as a share of the person's size: on objects the model puts all joints in one
spot."""


@dataclass(frozen=True)
class Pointed:
    """The subject is the person at a point of one frame, in px; unless `required`, nobody needs to be there."""

    x_px: float
    y_px: float
    index: int
    required: bool = True

    def is_in(self, box: Box) -> bool:
        """Whether the point lies in a box."""
        return box.left <= self.x_px < box.right and box.top <= self.y_px < box.bottom


@dataclass(frozen=True)
class Place:
    """The box of a person in one frame."""

    index: int
    box: Box


@dataclass(frozen=True)
class Subject:
    """The person to follow: their boxes in the sampled frames, their colours, and the colours of people beside them.

    `others` holds only people seen in the same frame as the subject. Somebody seen only without them may replace them.
    """

    places: tuple[Place, ...]
    colours: Colours
    others: tuple[Colours, ...] = ()

    @property
    def index(self) -> int:
        """The sampled frame in which the subject is largest."""
        return self._best.index

    @property
    def box(self) -> Box:
        """The subject's box in that frame."""
        return self._best.box

    @property
    def _best(self) -> Place:
        return max(self.places, key=lambda place: (area(place.box), -place.index))

    def lead(self, colours: Colours) -> float:
        """How much more similar colours are to the subject than to any of the others; negative means another person."""
        return likeness(colours, self.colours) - max((likeness(colours, other) for other in self.others), default=0.0)

    def expected(self, index: int) -> Box | None:
        """The subject's box in a frame, interpolated between samples; None before and after they were seen."""
        for before, after in pairwise(self.places):
            if before.index <= index <= after.index:
                share = (index - before.index) / (after.index - before.index)
                return Box(*(round((1 - share) * a + share * b) for a, b in zip(before.box, after.box, strict=True)))
        return next((place.box for place in self.places if place.index == index), None)


@dataclass
class _Candidate:
    """One person as recognised across the sampled frames."""

    places: list[Place] = field(default_factory=list)
    colours: list[Colours] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    centrality: list[float] = field(default_factory=list)

    @property
    def mean(self) -> Colours:
        """The mean colour histogram over all samples."""
        mean: Colours = np.mean(self.colours, axis=0, dtype=np.float32)
        return mean

    def worth(self, rule: Rule, samples: int) -> float:
        """Score for being the subject: the rule's median value, weighted by how often the person was seen."""
        values = self.sizes if rule == "largest" else self.centrality
        return float(np.median(values) * np.sqrt(len(self.places) / samples))


def sample_indices(count: int) -> list[int]:
    """The frames to sample of so many, evenly spread from the first to the last."""
    samples = min(SAMPLE_COUNT, max(FEWEST_SAMPLES, count // SAMPLE_STEP))
    return sorted({round(each) for each in np.linspace(0, count - 1, samples)}) if count else []


def choose_subject(frames: FrameSource, rule: Rule | Pointed, indices: Iterable[int] | None = None) -> Subject | None:
    """The person the clip is about; None when nobody is detected, or only once, which may be a false detection.

    `indices` are the frames to search, if not those of `sample_indices`. ClipError when somebody is pointed at,
    required, and not detected there.
    """
    also = {rule.index} if isinstance(rule, Pointed) else set[int]()
    sampled = sorted({*(sample_indices(len(frames)) if indices is None else indices), *also})
    candidates: list[_Candidate] = []
    for frame, bodies in _search_samples(frames.read(sampled)):
        _recognise(candidates, frame.index, frame.rgb, bodies)
    if isinstance(rule, Pointed):
        pointed = _pointed_at(candidates, rule)
        if pointed is None:
            return None
        best = pointed
    else:
        seen_once = len(sampled) > 2 and sum(len(candidate.places) for candidate in candidates) == 1
        if not candidates or seen_once:
            return None
        best = max(candidates, key=lambda candidate: candidate.worth(rule, len(sampled)))
    subject_frames = {place.index for place in best.places}
    others = tuple(
        candidate.mean
        for candidate in candidates
        if candidate is not best and any(place.index in subject_frames for place in candidate.places)
    )
    return Subject(tuple(best.places), best.mean, others)


def _pointed_at(candidates: Sequence[_Candidate], point: Pointed) -> _Candidate | None:
    """The candidate whose box in the frame holds the point; of several, the one with the smallest box."""
    there = [
        (area(place.box), number)
        for number, candidate in enumerate(candidates)
        for place in candidate.places
        if place.index == point.index and point.is_in(place.box)
    ]
    if there:
        return candidates[min(there)[1]]
    if not point.required:
        return None
    seen = [place.box for each in candidates for place in each.places if place.index == point.index]
    middles = ", ".join(f"{(box.left + box.right) // 2},{(box.top + box.bottom) // 2}" for box in seen)
    raise ClipError(
        f"Nobody was found at {point.x_px:g},{point.y_px:g} in frame {point.index}.",
        f"People were found there around {middles}: point at one of them, or in another frame."
        if seen
        else "Nobody at all was found in that frame: point at somebody in another one, where they are seen whole.",
    )


def _search_samples(frames: Iterable[Frame]) -> Iterator[tuple[Frame, list[Body]]]:
    """The sampled frames and the people in them, in order; several frames are searched at the same time."""
    with ExitStack() as models, ThreadPoolExecutor(SAMPLE_WORKERS) as pool:
        idle = [models.enter_context(closing(PoseModel(alone=True))) for _ in range(SAMPLE_WORKERS)]

        def search(frame: Frame) -> tuple[Frame, list[Body]]:
            model = idle.pop()
            try:
                return frame, find_people(model, frame.rgb)
            finally:
                idle.append(model)

        pending: deque[Future[tuple[Frame, list[Body]]]] = deque()
        for frame in frames:
            pending.append(pool.submit(search, frame))
            if len(pending) > SAMPLE_WORKERS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def find_people(model: PoseModel, rgb: RGB) -> list[Body]:
    """All people that the pose model can be made to detect in one picture."""
    found: list[Body] = []
    for part in (Box.of(rgb), *halves(rgb)):
        body = model.detect(rgb[part.slices])
        if body is not None and mask_covers_trunk(body) and has_trunk(body):
            _add(found, in_whole(body, part, rgb))
    for _ in range(EXTRA_DETECTIONS):
        body = model.detect(painted_over(rgb, found))
        if body is None or not (mask_covers_trunk(body) and has_trunk(body)) or not _add(found, body):
            break
    return found


def mask_covers_trunk(body: Body) -> bool:
    """Whether the mask covers shoulders and hips. Joints without a mask are also detected in bushes."""
    trunk = body.keypoints[[*SHOULDERS, *HIPS]]
    trunk = trunk[np.isfinite(trunk[:, 0])]
    if not len(trunk):
        return False
    x, y = np.rint(trunk).astype(int).T
    height, width = body.mask.shape
    return bool(body.mask[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)].mean() >= MIN_TRUNK_MASK)


def has_trunk(body: Body) -> bool:
    """Whether shoulders and hips, where both are known, lie far enough apart for a person's trunk."""
    shoulders, hips = (body.keypoints[list(pair)] for pair in (SHOULDERS, HIPS))
    if not (np.isfinite(shoulders).any() and np.isfinite(hips).any()):
        return True
    trunk_px = np.linalg.norm(np.nanmean(hips, axis=0) - np.nanmean(shoulders, axis=0))
    return bool(trunk_px >= MIN_TRUNK_SHARE * max(body.box.size))


def painted_over(rgb: RGB, bodies: Sequence[Body]) -> RGB:
    """The picture with people painted over in its mean colour, so that the pose model detects somebody else."""
    painted = rgb.copy()
    for body in bodies:
        grow = 2 * max(2, max(body.box.size) // 30) + 1
        painted[cv2.dilate(body.mask, np.ones((grow, grow), np.uint8)) > 40] = cv2.mean(rgb)[:3]
    return painted


def colour_histogram(body: Body, rgb: RGB) -> Colours:
    """Colour histogram (Lab) of the pixels that the mask surely covers: coarse in lightness, fine in a and b."""
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
    """Similarity of two colour histograms (Bhattacharyya coefficient), 0 to 1."""
    return float(np.sqrt(first * second).sum())


def area(box: Box) -> int:
    """The area of a box, px."""
    return box.size.area_px


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes."""
    shared = area(first & second)
    return shared / max(1, area(first) + area(second) - shared)


def _add(found: list[Body], body: Body) -> bool:
    """Add a newly detected person; of two detections of one person the one with more joints stays."""
    for number, other in enumerate(found):
        if overlap(body.box, other.box) > SAME_PLACE or area(body.box & other.box) > 0.7 * area(body.box):
            if (body.confidence > 0).sum() > (other.confidence > 0).sum():
                found[number] = body
            return False
    found.append(body)
    return True


def _recognise(candidates: list[_Candidate], index: int, rgb: RGB, bodies: Sequence[Body]) -> None:
    """Assign each body of a sampled frame to the most similar candidate, or make a new one; one body per candidate."""
    height, width = rgb.shape[:2]
    histograms = [colour_histogram(body, rgb) for body in bodies]
    pairs = sorted(
        (
            (likeness(candidate.mean, colours), number, which)
            for number, colours in enumerate(histograms)
            for which, candidate in enumerate(candidates)
        ),
        reverse=True,
    )
    known: dict[int, int] = {}
    for alike, number, which in pairs:
        if alike >= SAME_COLOURS and number not in known and which not in known.values():
            known[number] = which
    for number, body in enumerate(bodies):
        if number not in known:
            candidates.append(_Candidate())
        candidate = candidates[known.get(number, -1)]
        candidate.places.append(Place(index, body.box))
        candidate.colours.append(histograms[number])
        candidate.sizes.append(float(np.sqrt((body.mask > 127).mean())))
        middle = (body.box.left + body.box.right) / 2
        candidate.centrality.append(
            max(0.0, 1 - abs(2 * middle / width - 1)) * float(np.sqrt(body.box.size.height_px / height))
        )
