"""Camera tracking from the background alone: how it moves from frame to frame, and where each frame lies in its place.

1. The motion of the background since the last frame is estimated roughly, in a small picture. 2. Each corner point of
the key frames is searched for (Lucas-Kanade) in a narrow window around its predicted position. 3. One homography is
fitted to where the points were in the last frame and are in this one: the step. 4. Another one is fitted to where they
lie in the background picture, so that nothing drifts; it takes the background for one plane, which holds for a place.
Where it does not hold any more, because the camera travelled, another place begins.

The rough step comes first because people are large and move on their own: a coarse-to-fine search at full size lets
them drag along the background points around them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.camera.homography import fitted
from utils.camera.path import CameraPath
from utils.camera.timing import mistimed
from utils.image import RGB, Size
from utils.image.geometry import Matrix, Points, corners, inverse, moved, stretch
from utils.media.clip import Clip

Grey = NDArray[np.uint8]
Mask = NDArray[np.uint8]
"""H x W; pixels that are not 0 belong to a person and are ignored."""
Flags = NDArray[np.bool_]

GRID = (6, 4)
"""Columns and rows of cells; each cell gives the same number of corner points."""
MAX_POINTS = 240
"""Most corner points of a key frame."""
MIN_POINTS = 24
"""Least number of points that must agree on a homography."""
KEY_FRAMES = 3
"""Key frames matched at a time: old ones prevent drift, the newest knows what has come into view."""
FRESH_SHARE, STALE_SHARE = 0.65, 0.2
"""When a smaller share of the newest key frame's points agrees, another key frame is added; below the second share a
key frame is dropped."""
AGREE_PX = 1.0
"""Largest residual of a point that agrees."""
STRAY_PX = 8.0
"""A point farther than this from where the step leads moves on its own."""
PLANE_SHARE = 0.3
"""A place ends when a smaller share of the points agrees with one plane."""
MAX_STRETCH = 3.0
"""A place ends when an edge of the picture is this many times longer or shorter than in the background picture, where
errors would be magnified."""
ROUGH_REDUCTION = 2
"""Reduction of the small picture in which motion is estimated roughly."""
ROUGH_PX = 3.0
"""RANSAC threshold of the rough estimate, in pixels of the full picture."""
PYRAMID_LEVELS = 2
"""Pyramid levels of the rough search."""
WINDOW_PX = 21
"""Side of the Lucas-Kanade window."""
FAR_SHARE = 0.05
"""Largest distance of the picture's corners from their prediction, as a share of the longer side."""
MASK_REDUCTION = 4
"""Reduction of the picture in which the masks of people are grown."""
GROW_SHARE = 0.012
"""Width by which masks are grown, as a share of the height, because their edges are not reliable."""


@dataclass(frozen=True)
class Motion:
    """The camera's motion in one frame.

    `step` leads from the frame to the one before, `matrix` to the background picture of its place, which is the first
    frame of that place. `confidence` is the share of points that agree with the step. `cut` marks the first frame of a
    new shot, `place` that of a new place. `points` are where background points were in the frame before and are in
    this one: n x 4, x and y of each.
    """

    matrix: Matrix
    step: Matrix
    confidence: float
    cut: bool = False
    place: bool = False
    points: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32), repr=False)


@dataclass(frozen=True)
class _KeyFrame:
    """Key frame: its corner points, and their positions in the background picture (`grounded`) and in the last frame.

    Points that were not found in the last frame are NaN in `last`.
    """

    picture: Grey
    points: Points
    grounded: Points
    last: Points

    @classmethod
    def of(cls, grey: Grey, background: Mask, matrix: Matrix) -> "_KeyFrame":
        """A key frame from a frame and its homography to the background picture."""
        points = _points(grey, background)
        return cls(grey, points, moved(matrix, points), points)


class Tracker:
    """Estimates the camera's motion for each frame, given in order."""

    def __init__(self) -> None:
        self._keys: list[_KeyFrame] = []
        self._matrix = np.eye(3)
        self._small: Grey | None = None

    def motion(self, picture: RGB | Grey, people: Mask | None = None, *, cut: bool = False) -> Motion:
        """Motion of the next frame. Without enough background points the camera stands still, with confidence 0."""
        grey: Grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        background = _background_mask(grey, people)
        before, self._small = self._small, _small(grey)
        if before is None or cut:
            self._matrix = np.eye(3)
            self._keys = [_KeyFrame.of(grey, background, self._matrix)]
            return Motion(self._matrix, np.eye(3), 1.0, cut)
        found = self._search(before, grey, background)
        if found is None:
            self._keys = [_KeyFrame.of(grey, background, self._matrix)]
            return Motion(self._matrix, np.eye(3), 0.0)
        step, there, points, confidence = found
        agree = self._locate(step, there, Size.of(grey))
        is_new = agree is None
        if agree is None:
            self._matrix, agree = np.eye(3), np.isfinite(there[:, 0])
        self._update_key_frames(grey, background, there, agree, is_new=is_new)
        return Motion(self._matrix, step, confidence, place=is_new, points=points)

    def _search(
        self, before: Grey, grey: Grey, background: Mask
    ) -> tuple[Matrix, Points, NDArray[np.float32], float] | None:
        """The step, the key frames' points in this frame, those of both frames, and the share that agrees."""
        assert self._small is not None
        last = np.concatenate([key.last for key in self._keys])
        ground = np.concatenate([key.grounded for key in self._keys])
        known = np.isfinite(last[:, 0])
        expected = np.where(known[:, None], last, moved(inverse(self._matrix), ground))
        rough = _rough_motion(before, self._small, background, expected)
        if rough is None:
            return None
        expected = moved(rough, expected)
        there = _matched(self._keys, grey, np.where(_inside(expected, background)[:, None], expected, np.nan))
        both = known & np.isfinite(there[:, 0])
        size, guess = Size.of(grey), inverse(rough)
        step = fitted(there[both], last[both], guess, size) if both.sum() >= MIN_POINTS else None
        if step is None or not _plausible(rough @ step, size):
            return None
        off_px = np.linalg.norm(moved(step, there) - last, axis=1)
        there[known & (off_px > STRAY_PX)] = np.nan
        agree = both & (off_px < AGREE_PX)
        if agree.sum() < MIN_POINTS:
            return None
        both &= off_px <= STRAY_PX
        points = np.concatenate([last[both], there[both]], axis=1).astype(np.float32)
        return step, there, points, float(agree.sum() / both.sum())

    def _locate(self, step: Matrix, there: Points, size: Size) -> Flags | None:
        """Find this frame in the background picture: which points agree; None where it is not one plane any more."""
        ground = np.concatenate([key.grounded for key in self._keys])
        known = np.isfinite(there[:, 0])
        matrix = fitted(ground[known], there[known], inverse(self._matrix @ step), size)
        if matrix is None or stretch(matrix, size) > MAX_STRETCH:
            return None
        agree: Flags = np.linalg.norm(moved(matrix, ground) - there, axis=1) < AGREE_PX
        if agree.sum() < max(MIN_POINTS, PLANE_SHARE * known.sum()):
            return None
        self._matrix = inverse(matrix)
        return agree

    def _update_key_frames(self, grey: Grey, background: Mask, there: Points, agree: Flags, *, is_new: bool) -> None:
        """Drop key frames with few matches left, and add this frame when the newest one does not match well enough.

        In a new place, whose background picture is this frame, points lie where they were found in it.
        """
        edges = np.cumsum([len(key.points) for key in self._keys])[:-1]
        shares = [float(part.mean()) if len(part) else 0.0 for part in np.split(agree, edges)]
        self._keys = [
            replace(key, last=last, grounded=last if is_new else key.grounded)
            for key, last, share in zip(self._keys, np.split(there, edges), shares, strict=True)
            if share > STALE_SHARE
        ]
        if shares[-1] < FRESH_SHARE:
            self._keys = [*self._keys[: KEY_FRAMES - 1], _KeyFrame.of(grey, background, self._matrix)]


def track(frames: Iterable[tuple[RGB, Mask | None]]) -> Iterator[Motion]:
    """The motion of each frame."""
    tracker = Tracker()
    for picture, people in frames:
        yield tracker.motion(picture, people)


def camera_path(clip: Clip, motions: Sequence[Motion]) -> CameraPath:
    """The camera path that the motions of all frames of a clip make up."""
    path = CameraPath(
        matrices=np.array([motion.matrix for motion in motions]),
        confidence=np.array([motion.confidence for motion in motions]),
        pts=clip.pts,
        time_base=clip.time_base,
        size=clip.size,
        canvas=clip.size,
        breaks=tuple(index for index, motion in enumerate(motions) if motion.cut and index),
        place_starts=tuple(index for index, motion in enumerate(motions) if motion.place),
        steps=np.array([motion.step for motion in motions]),
    )
    times_s = path.stamped_s()
    lying = [
        shot.start + index
        for shot in path.shots
        for index in mistimed(path.steps[shot.start : shot.stop], times_s[shot.start : shot.stop], clip.size)
    ]
    return replace(path, mistimed=tuple(lying))


def _background_mask(grey: Grey, people: Mask | None) -> Mask:
    """Background mask: 255 where no person is, with a margin around people."""
    if people is None:
        return np.full(grey.shape, 255, np.uint8)
    height, width = grey.shape
    small = (max(1, width // MASK_REDUCTION), max(1, height // MASK_REDUCTION))
    grow = 2 * ceil(GROW_SHARE * height / MASK_REDUCTION) + 1
    outside = cv2.threshold(cv2.resize(people, small, interpolation=cv2.INTER_AREA), 4, 255, cv2.THRESH_BINARY_INV)[1]
    shrunk = cv2.erode(outside, np.ones((grow, grow), np.uint8))
    free: Mask = cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_NEAREST)
    return free


def _small(grey: Grey) -> Grey:
    """The small picture for the rough estimate."""
    height, width = grey.shape
    small: Grey = cv2.resize(
        grey, (max(1, width // ROUGH_REDUCTION), max(1, height // ROUGH_REDUCTION)), interpolation=cv2.INTER_AREA
    )
    return small


def _points(grey: Grey, background: Mask) -> Points:
    """Shi-Tomasi corners of the background, up to the same number from each cell of the grid."""
    height, width = grey.shape
    columns, rows = GRID
    found = []
    for row in range(rows):
        for column in range(columns):
            top, left = row * height // rows, column * width // columns
            part = (slice(top, (row + 1) * height // rows), slice(left, (column + 1) * width // columns))
            corners = cv2.goodFeaturesToTrack(
                grey[part], MAX_POINTS // (rows * columns), 0.01, 6, mask=background[part]
            )
            if corners is not None:
                found.append(corners.reshape(-1, 2) + np.array([left, top]))
    return np.concatenate(found).astype(float) if found else np.zeros((0, 2))


def _inside(points: Points, background: Mask) -> Flags:
    """Marks the points that lie inside the picture and on the background."""
    height, width = background.shape
    inside: Flags = ((points > 4) & (points < (width - 5, height - 5))).all(axis=1)
    column, row = np.rint(points[inside]).astype(int).T
    inside[inside] = background[row, column] > 0
    return inside


def _rough_motion(before: Grey, after: Grey, background: Mask, points: Points) -> Matrix | None:
    """Rough similarity transform from the last frame to this one (RANSAC), from points of the last; None when lost."""
    start = points[_inside(points, background)]
    if len(start) < MIN_POINTS:
        return None
    there = ROUGH_REDUCTION * _tracked(before, after, start / ROUGH_REDUCTION, start / ROUGH_REDUCTION, PYRAMID_LEVELS)
    usable = np.isfinite(there[:, 0])
    usable[usable] = _inside(there[usable], background)
    if usable.sum() < MIN_POINTS:
        return None
    step, _ = cv2.estimateAffinePartial2D(
        start[usable], there[usable], method=cv2.RANSAC, ransacReprojThreshold=ROUGH_PX, maxIters=500, confidence=0.999
    )
    return None if step is None else np.concatenate([step, [[0, 0, 1]]])


def _matched(keys: list[_KeyFrame], grey: Grey, expected: Points) -> Points:
    """The key frames' points in this frame, searched near their predictions; NaN when not predicted or not found."""
    there, first = np.full_like(expected, np.nan), 0
    for key in keys:
        part = first + np.flatnonzero(np.isfinite(expected[first : first + len(key.points), 0]))
        if len(part):
            there[part] = _tracked(key.picture, grey, key.points[part - first], expected[part], 0)
        first += len(key.points)
    return there


def _tracked(before: Grey, after: Grey, start: Points, expected: Points, levels: int) -> Points:
    """Lucas-Kanade tracking of points, started at `expected`; NaN for points that were lost."""
    guess = expected.astype(np.float32).reshape(-1, 1, 2)
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, start.astype(np.float32).reshape(-1, 1, 2), guess.copy(), winSize=(WINDOW_PX, WINDOW_PX),
        maxLevel=levels, criteria=(3, 20, 0.01), flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    result: Points = np.where(found > 0, there.reshape(-1, 2).astype(float), np.nan)
    return result


def _plausible(step: Matrix, size: Size) -> bool:
    """Whether the fit lies near the prediction: the narrow windows cannot find anything far away."""
    return bool(np.linalg.norm(moved(step, corners(size)) - corners(size), axis=1).max() < FAR_SHARE * max(size))
