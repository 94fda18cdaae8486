"""Shot detection: decides on a thumbnail of each frame whether a new shot begins there.

Corner points of the last usable frame are tracked into the new one and back (Lucas-Kanade optical flow). When the
camera moves, pans or a flash goes off, most points are found again; after a cut hardly any are. Plain frames (black,
white, one colour) and flashes begin no shot: the frame after them is compared with the frame before them.

By hand, because on 244 spliced and disturbed sequences it finds 0.87 of the cuts with a precision of 0.98;
PySceneDetect 0.7.2 with its defaults finds 0.83 to 0.89 with 0.63 to 0.75, at 0.2 to 2.6 times the time: its detectors
take flashes, steps of exposure and fades for cuts, which would break a shot in two.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, Size

Grey = NDArray[np.uint8]
Points = NDArray[np.float32]

SIDE_PX = 160
"""Longer side of the thumbnail."""
MAX_POINTS = 60
"""Most corner points that are tracked."""
MIN_POINTS = 8
"""With fewer points than this inside both pictures there is too little evidence to call a cut."""
PLAIN_DEVIATION = 4.0
"""A picture whose standard deviation is below this many grey levels is a plain frame."""
RETURN_PX = 0.7
"""Largest forward-backward error of a point that counts as tracked."""
MIN_CORRELATION = 0.6
"""Least correlation between the patches around a tracked point in the two pictures."""
FLASH_FRAMES = 3
"""Most frames in a row that count as one flash."""
WHITE, WHITE_SHARE = 250, 0.4
"""Grey level that counts as white, and the share of white pixels above which a frame may be a flash."""
ALIKE = 0.95
"""Correlation of two thumbnails from which on no points need to be tracked: cuts between such pictures are not found
by tracking either."""
TRACKED_SHARE = 0.22
"""A shot goes on while at least this share of its points is tracked."""
PATCH_PX = 11
"""Side of the square patch around a point, for tracking and for correlation."""


class CutFinder:
    """Decides for each frame of a clip, given in order, whether it begins a new shot."""

    def __init__(self) -> None:
        self._last: Grey | None = None
        self._flashed = 0

    def is_cut(self, rgb: RGB) -> bool:
        """Whether the next frame begins a new shot; the first frame of the clip does not count as a cut."""
        grey = _thumbnail(rgb)
        if grey.std() < PLAIN_DEVIATION:
            return False
        follows = self._last is None or _follows(self._last, grey)
        if not follows and self._flashed < FLASH_FRAMES and (grey >= WHITE).mean() > WHITE_SHARE:
            self._flashed += 1
            return False
        self._last, self._flashed = grey, 0
        return not follows


def _follows(before: Grey, after: Grey) -> bool:
    """Whether the second thumbnail continues the shot of the first."""
    return _correlation(before, after) >= ALIKE or tracked_share(before, after) >= TRACKED_SHARE


def _correlation(first: Grey, second: Grey) -> float:
    """Correlation of two thumbnails, -1 to 1; neither is plain."""
    a, b = (grey.astype(np.float32) - np.float32(grey.mean()) for grey in (first, second))
    return float((a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b)))


def tracked_share(before: Grey, after: Grey) -> float:
    """Share (0 to 1) of the first thumbnail's corner points that are tracked in the second one.

    Points that the global shift moves out of the picture do not count; with too few points left the answer is 1.
    """
    first, second = _normalised_contrast(before), _normalised_contrast(after)
    shift = _shift(first, second)
    start = _points(first)
    inside = ((start + shift >= 0) & (start + shift < first.shape[::-1])).all(axis=1)
    if inside.sum() < MIN_POINTS:
        return 1.0
    start = start[inside]
    there, back = _tracked_both_ways(first, second, start, shift)
    returned = np.linalg.norm(back - start, axis=1) < RETURN_PX
    return float((returned & (_patch_correlation(first, second, start, there) > MIN_CORRELATION)).mean())


def _thumbnail(rgb: RGB) -> Grey:
    """Grey thumbnail of a frame. Rows and columns are skipped first, so that a large picture costs no more."""
    step = max(1, max(rgb.shape[:2]) // (2 * SIDE_PX))
    part = np.ascontiguousarray(rgb[::step, ::step])
    size = Size.of(part).scaled(SIDE_PX / max(part.shape[:2]), least_px=16)
    grey: Grey = cv2.cvtColor(cv2.resize(part, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return grey


def _normalised_contrast(grey: Grey) -> Grey:
    """Normalise local contrast, so that a change of exposure or a flash does not disturb the tracking."""
    values = grey.astype(np.float32)
    high = values - cv2.GaussianBlur(values, (0, 0), 6)
    spread = np.sqrt(cv2.GaussianBlur(high * high, (0, 0), 6)) + 1.5
    normalised: Grey = np.clip(128 + 45 * high / spread, 0, 255).astype(np.uint8)
    return normalised


def _shift(first: Grey, second: Grey) -> Points:
    """Global shift between two thumbnails by phase correlation, px: the starting point of the search in a fast pan."""
    window = cv2.createHanningWindow(Size.of(first), cv2.CV_32F)
    moved, response = cv2.phaseCorrelate(first.astype(np.float32), second.astype(np.float32), window)
    return np.array(moved if response > 0.03 else (0, 0), np.float32)


def _points(grey: Grey) -> Points:
    """Corner points (Shi-Tomasi) of a thumbnail, n x 2."""
    corners = cv2.goodFeaturesToTrack(grey, MAX_POINTS, 0.02, 5)
    return corners.reshape(-1, 2) if corners is not None else np.zeros((0, 2), np.float32)


def _tracked_both_ways(first: Grey, second: Grey, start: Points, shift: Points) -> tuple[Points, Points]:
    """Track points into the second picture, and the result back into the first for the forward-backward check."""
    there = _tracked(first, second, start, start + shift)
    back = _tracked(second, first, there, there - shift)
    return there, back


def _tracked(first: Grey, second: Grey, start: Points, guess: Points) -> Points:
    """Lucas-Kanade tracking of points from the first picture into the second, started at a guess."""
    there: Points = cv2.calcOpticalFlowPyrLK(
        first, second, start, guess.astype(np.float32),
        winSize=(PATCH_PX, PATCH_PX), maxLevel=2, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )[0]  # fmt: skip
    return there


def _patch_correlation(first: Grey, second: Grey, start: Points, there: Points) -> NDArray[np.float32]:
    """Correlation of the patches around each pair of points, -1 to 1."""
    a, b = (_patches(picture, points) for picture, points in ((first, start), (second, there)))
    a, b = (patches - patches.mean(axis=1, keepdims=True) for patches in (a, b))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) + 1e-6
    correlation: NDArray[np.float32] = (a * b).sum(axis=1) / norms
    return correlation


def _patches(picture: Grey, points: Points) -> NDArray[np.float32]:
    """The square patch around each point, one row of pixels per point."""
    reach = np.arange(PATCH_PX, dtype=np.float32) - PATCH_PX // 2
    x = points[:, :1] + np.tile(reach, PATCH_PX)
    y = points[:, 1:] + np.repeat(reach, PATCH_PX)
    patches: NDArray[np.float32] = cv2.remap(
        picture.astype(np.float32), x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    return patches
