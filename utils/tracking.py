"""Measures how the camera moved, from the background alone: every frame against a key frame, so that nothing drifts.

Points of the key frame are looked for where the last frame had them, and one homography is fitted to those that agree.
A new key frame is taken when too few of them are left, and the two are chained.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.geometry import Matrix, Points, inverse, moved, normal
from utils.image import RGB

Grey = NDArray[np.uint8]
Mask = NDArray[np.uint8]
"""H x W; what is not 0 belongs to a person and is not looked at."""

GRID = (6, 4)
POINTS = 240
ENOUGH = 24
"""Points that agree: fewer say nothing."""
KEEP_SHARE = 0.75
"""A key frame serves while this share of its points is in the picture."""
KEEP_AGREEING = 0.4
"""And while this share of those in the picture agrees."""
AGREE_PX = 1.0
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
    """A frame that others are compared with."""

    picture: Grey
    points: Points
    matrix: Matrix


class Tracker:
    """Takes frames in order and says of each how the camera stands."""

    def __init__(self) -> None:
        self._key: _Key | None = None
        self._last = np.eye(3)

    def motion(self, picture: RGB, people: Mask | None = None, *, cut: bool = False) -> Motion:
        """Of the next frame. One in which nothing can be followed stays where the last one was, without confidence."""
        grey: Grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        free = _free(grey, people)
        if self._key is None or cut:
            self._take(grey, free, np.eye(3))
            return Motion(np.eye(3), 1.0, cut)
        found = _follow(self._key, grey, free, self._last)
        if found is None:
            standing = self._key.matrix @ inverse(self._last)
            self._take(grey, free, standing)
            return Motion(normal(standing), 0.0)
        step, share, agreeing = found
        self._last = step
        matrix = normal(self._key.matrix @ inverse(step))
        if share < KEEP_SHARE or agreeing < KEEP_AGREEING:
            self._take(grey, free, matrix)
        return Motion(matrix, agreeing)

    def _take(self, grey: Grey, free: Mask, matrix: Matrix) -> None:
        """From now on compare with this frame."""
        self._key = _Key(grey, _points(grey, free), matrix)
        self._last = np.eye(3)


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


def _follow(key: _Key, grey: Grey, free: Mask, guess: Matrix) -> tuple[Matrix, float, float] | None:
    """Key frame -> this frame, the share of points in the picture, and of those that agree; None when lost."""
    height, width = grey.shape
    expected = moved(guess, key.points) if len(key.points) else key.points
    inside = ((expected > 4) & (expected < (width - 5, height - 5))).all(axis=1)
    if inside.sum() < ENOUGH:
        return None
    start, there = key.points[inside], _flowed(key.picture, grey, key.points[inside], expected[inside], free)
    seen = np.isfinite(there[:, 0])
    if seen.sum() < ENOUGH:
        return None
    matrix, agree = cv2.findHomography(
        start[seen], there[seen], cv2.USAC_MAGSAC, AGREE_PX, maxIters=800, confidence=0.999
    )
    if matrix is None or agree.sum() < ENOUGH:
        return None
    agreeing = agree.ravel().astype(bool)
    matrix, _ = cv2.findHomography(start[seen][agreeing], there[seen][agreeing], 0)
    if matrix is None or not _plausible(matrix, width, height):
        return None
    return matrix, float(inside.mean()), float(agreeing.mean())


def _flowed(before: Grey, after: Grey, start: Points, expected: Points, free: Mask) -> Points:
    """Where points went; NaN for those that were lost or that ended on a person."""
    guess = expected.astype(np.float32).reshape(-1, 1, 2)
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, start.astype(np.float32).reshape(-1, 1, 2), guess.copy(),
        winSize=(21, 21), maxLevel=3, criteria=(3, 20, 0.01), flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    there = there.reshape(-1, 2).astype(float)
    column, row = np.clip(np.rint(there).astype(int), 0, (after.shape[1] - 1, after.shape[0] - 1)).T
    kept = (found.ravel() > 0) & (free[row, column] > 0)
    result: Points = np.where(kept[:, None], there, np.nan)
    return result


def _plausible(matrix: Matrix, width: int, height: int) -> bool:
    """No camera in a hand turns a picture over or halves it from one key frame to its last follower."""
    square = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    a, b, c, d = moved(matrix, square)
    across, along = c - a, d - b
    area = 0.5 * abs(across[0] * along[1] - across[1] * along[0])
    return bool(np.isfinite(area) and 0.25 < area / (width * height) < 4)
