"""Measures how the camera moved, from the background alone: every frame against key frames, so that nothing drifts.

Where the background went since the last frame is found roughly, in a small picture; then each point of the key frames
is looked for in a narrow window around where it must be by now, and one homography is fitted to all of them.

The roughness comes first because people are large and move their own way: a search that begins in the coarse levels of
a picture lets them carry off the background's points around them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.camera.homography import fitted
from utils.image import RGB, Size
from utils.image.geometry import Matrix, Points, corners, inverse, moved

Grey = NDArray[np.uint8]
Mask = NDArray[np.uint8]
"""H x W; what is not 0 belongs to a person and is not looked at."""
Flags = NDArray[np.bool_]

GRID = (6, 4)
POINTS = 240
ENOUGH = 24
"""Points that agree: fewer say nothing."""
KEYS = 3
"""Key frames that are compared with at a time: old ones hold the place, the newest knows what has come into view."""
FRESH_SHARE, STALE_SHARE = 0.65, 0.2
"""Of a key frame's points: fewer agree, and another is taken; fewer still, and it is dropped."""
AGREE_PX = 1.0
ROUGH = 2
"""The small picture is so many times smaller."""
ROUGH_PX = 3.0
"""What may be off in it, in pixels of the large one."""
LEVELS = 2
"""Halvings of the small picture in which motion is looked for."""
WINDOW_PX = 21
FAR_SHARE = 0.05
"""Of the larger side: so far the corners may be from where they were expected."""
COARSE = 4
"""Where people are is looked at in a picture this many times smaller."""
GROW_SHARE = 0.012
"""Of the height: the edge of a mask is not trusted."""


@dataclass(frozen=True)
class Motion:
    """How one frame lies to the first of its shot, and how sure that is: the share of points that agree.

    `cut` is true where the frame begins a new shot.
    """

    matrix: Matrix
    confidence: float
    cut: bool = False


@dataclass(frozen=True)
class _Key:
    """A frame that others are compared with: its points, and where they lie in the first frame of the shot."""

    picture: Grey
    points: Points
    grounded: Points


class Tracker:
    """Takes frames in order and says of each how the camera stands."""

    def __init__(self) -> None:
        self._keys: list[_Key] = []
        self._last = np.eye(3)
        self._small: Grey | None = None

    def motion(self, picture: RGB | Grey, people: Mask | None = None, *, cut: bool = False) -> Motion:
        """Of the next frame. One in which nothing can be followed stays where the last one was, without confidence."""
        grey: Grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        free = _free(grey, people)
        before, self._small = self._small, _small(grey)
        if before is None or cut:
            self._keys, self._last = [_key(grey, free, np.eye(3))], np.eye(3)
            return Motion(np.eye(3), 1.0, cut)
        found = self._found(before, grey, free)
        if found is None:
            self._keys = [_key(grey, free, self._last)]
            return Motion(self._last, 0.0)
        self._last, agree, confidence = found
        self._renew(grey, free, agree)
        return Motion(self._last, confidence)

    def _found(self, before: Grey, grey: Grey, free: Mask) -> tuple[Matrix, Flags, float] | None:
        """This frame -> the first, which points of the key frames agree, and their share of those in view."""
        assert self._small is not None
        size = Size.of(grey)
        ground = np.concatenate([key.grounded for key in self._keys])
        guess = inverse(self._last)
        rough = _rough(before, self._small, free, moved(guess, self._keys[-1].grounded))
        if rough is None:
            return None
        guess = rough @ guess
        expected = moved(guess, ground)
        seen = _inside(expected, free)
        there = _sought(self._keys, grey, np.where(seen[:, None], expected, np.nan))
        known = np.isfinite(there[:, 0])
        matrix = fitted(ground[known], there[known], guess, size) if known.sum() >= ENOUGH else None
        if matrix is None or not _plausible(guess @ inverse(matrix), size):
            return None
        off_px = np.linalg.norm(moved(matrix, ground) - there, axis=1)
        agree = off_px < AGREE_PX
        if agree.sum() < ENOUGH:
            return None
        return inverse(matrix), agree, float(agree.sum() / seen.sum())

    def _renew(self, grey: Grey, free: Mask, agree: Flags) -> None:
        """Drops key frames that say little by now, and takes this frame when the newest does not say enough."""
        edges = np.cumsum([len(key.points) for key in self._keys])[:-1]
        shares = [float(part.mean()) if len(part) else 0.0 for part in np.split(agree, edges)]
        self._keys = [key for key, share in zip(self._keys, shares, strict=True) if share > STALE_SHARE]
        if shares[-1] < FRESH_SHARE:
            self._keys = [*self._keys[: KEYS - 1], _key(grey, free, self._last)]


def track(frames: Iterable[tuple[RGB, Mask | None]]) -> Iterator[Motion]:
    """One motion per frame."""
    tracker = Tracker()
    for picture, people in frames:
        yield tracker.motion(picture, people)


def _free(grey: Grey, people: Mask | None) -> Mask:
    """255 where the background is seen, away from the edges of people."""
    if people is None:
        return np.full(grey.shape, 255, np.uint8)
    height, width = grey.shape
    small = (max(1, width // COARSE), max(1, height // COARSE))
    grow = 2 * ceil(GROW_SHARE * height / COARSE) + 1
    taken = cv2.threshold(cv2.resize(people, small, interpolation=cv2.INTER_AREA), 4, 255, cv2.THRESH_BINARY_INV)[1]
    shrunk = cv2.erode(taken, np.ones((grow, grow), np.uint8))
    free: Mask = cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_NEAREST)
    return free


def _small(grey: Grey) -> Grey:
    height, width = grey.shape
    small: Grey = cv2.resize(grey, (max(1, width // ROUGH), max(1, height // ROUGH)), interpolation=cv2.INTER_AREA)
    return small


def _key(grey: Grey, free: Mask, matrix: Matrix) -> _Key:
    """Of a frame that stands so to the first."""
    points = _points(grey, free)
    return _Key(grey, points, moved(matrix, points))


def _points(grey: Grey, free: Mask) -> Points:
    """Corners of the background, the same number from each part of the picture where there are as many."""
    height, width = grey.shape
    columns, rows = GRID
    found = []
    for row in range(rows):
        for column in range(columns):
            top, left = row * height // rows, column * width // columns
            part = (slice(top, (row + 1) * height // rows), slice(left, (column + 1) * width // columns))
            corners = cv2.goodFeaturesToTrack(grey[part], POINTS // (rows * columns), 0.01, 6, mask=free[part])
            if corners is not None:
                found.append(corners.reshape(-1, 2) + np.array([left, top]))
    return np.concatenate(found).astype(float) if found else np.zeros((0, 2))


def _inside(points: Points, free: Mask) -> Flags:
    """Which of them lie in the picture and on no person."""
    height, width = free.shape
    inside: Flags = ((points > 4) & (points < (width - 5, height - 5))).all(axis=1)
    column, row = np.rint(points[inside]).astype(int).T
    inside[inside] = free[row, column] > 0
    return inside


def _rough(before: Grey, after: Grey, free: Mask, points: Points) -> Matrix | None:
    """The shift, turn and zoom from the last frame to this one, from points of the last one; None when lost."""
    start = points[_inside(points, free)]
    if len(start) < ENOUGH:
        return None
    there = ROUGH * _flowed(before, after, start / ROUGH, start / ROUGH, LEVELS)
    kept = np.isfinite(there[:, 0])
    kept[kept] = _inside(there[kept], free)
    if kept.sum() < ENOUGH:
        return None
    step, _ = cv2.estimateAffinePartial2D(
        start[kept], there[kept], method=cv2.RANSAC, ransacReprojThreshold=ROUGH_PX, maxIters=500, confidence=0.999
    )
    return None if step is None else np.concatenate([step, [[0, 0, 1]]])


def _sought(keys: list[_Key], grey: Grey, expected: Points) -> Points:
    """Where the key frames' points are, near where they are expected; NaN for those that are not or were not found."""
    there, first = np.full_like(expected, np.nan), 0
    for key in keys:
        part = first + np.flatnonzero(np.isfinite(expected[first : first + len(key.points), 0]))
        if len(part):
            there[part] = _flowed(key.picture, grey, key.points[part - first], expected[part], 0)
        first += len(key.points)
    return there


def _flowed(before: Grey, after: Grey, start: Points, expected: Points, levels: int) -> Points:
    """Where points went; NaN for those that were lost."""
    guess = expected.astype(np.float32).reshape(-1, 1, 2)
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, start.astype(np.float32).reshape(-1, 1, 2), guess.copy(), winSize=(WINDOW_PX, WINDOW_PX),
        maxLevel=levels, criteria=(3, 20, 0.01), flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    result: Points = np.where(found > 0, there.reshape(-1, 2).astype(float), np.nan)
    return result


def _plausible(step: Matrix, size: Size) -> bool:
    """What was found lies near to what was expected: narrow windows find nothing far away."""
    return bool(np.linalg.norm(moved(step, corners(size)) - corners(size), axis=1).max() < FAR_SHARE * max(size))
