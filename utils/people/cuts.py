"""Where one shot ends and the next begins, decided frame by frame on a thumbnail.

Points of the last good frame are looked for in the new one, there and back: a camera may move, pan or flash and most of
them are found; after a cut hardly any are. Frames that show nothing (black, white, one colour) begin no shot; what
comes after them is compared with what was before. So is what comes after a flash.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB

Grey = NDArray[np.uint8]
Points = NDArray[np.float32]

SIDE_PX = 160
"""The longer side of the thumbnail."""
POINTS = 60
FEWEST = 8
"""Points below which a picture shows nothing to go by."""
PLAIN = 4.0
"""Standard deviation, in levels, below which a picture is of one colour."""
RETURN_PX = 0.7
"""How near to where it came from a point must return."""
ALIKE = 0.6
"""Correlation of a point's surroundings before and after."""
FLASH_FRAMES = 3
WHITE, WHITE_SHARE = 250, 0.4
"""A frame with more white than this may be a flash, for so many frames."""
FOLLOWED_SHARE = 0.22
"""A shot goes on while this share of its points is found."""
PATCH_PX = 11


class CutFinder:
    """Takes the frames of a clip in order and says of each whether it begins a new shot."""

    def __init__(self) -> None:
        self._last: Grey | None = None
        self._flashed = 0

    def is_cut(self, rgb: RGB) -> bool:
        """Of the next frame; the first one of all is no cut."""
        grey = _thumbnail(rgb)
        if grey.std() < PLAIN:
            return False
        follows = self._last is None or followed_share(self._last, grey) >= FOLLOWED_SHARE
        if not follows and self._flashed < FLASH_FRAMES and (grey >= WHITE).mean() > WHITE_SHARE:
            self._flashed += 1
            return False
        self._last, self._flashed = grey, 0
        return not follows


def followed_share(before: Grey, after: Grey) -> float:
    """Of the points of one thumbnail that must still lie in the other, the share found there, 0 to 1."""
    first, second = _evened(before), _evened(after)
    shift = _shift(first, second)
    start = _points(first)
    inside = ((start + shift >= 0) & (start + shift < first.shape[::-1])).all(axis=1)
    if inside.sum() < FEWEST:
        return 1.0
    start = start[inside]
    there, back = _there_and_back(first, second, start, shift)
    returned = np.linalg.norm(back - start, axis=1) < RETURN_PX
    return float((returned & (_likeness(first, second, start, there) > ALIKE)).mean())


def _thumbnail(rgb: RGB) -> Grey:
    """Small and grey; rows are skipped first, so that a large picture costs no more than a small one."""
    step = max(1, max(rgb.shape[:2]) // (2 * SIDE_PX))
    part = np.ascontiguousarray(rgb[::step, ::step])
    scale = SIDE_PX / max(part.shape[:2])
    size = (max(16, round(part.shape[1] * scale)), max(16, round(part.shape[0] * scale)))
    grey: Grey = cv2.cvtColor(cv2.resize(part, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return grey


def _evened(grey: Grey) -> Grey:
    """The same contrast everywhere: an exposure that changes, or a flash, leaves it as it was."""
    values = grey.astype(np.float32)
    high = values - cv2.GaussianBlur(values, (0, 0), 6)
    spread = np.sqrt(cv2.GaussianBlur(high * high, (0, 0), 6)) + 1.5
    evened: Grey = np.clip(128 + 45 * high / spread, 0, 255).astype(np.uint8)
    return evened


def _shift(first: Grey, second: Grey) -> Points:
    """Roughly how far the whole picture went, px: where a fast pan's points are looked for."""
    window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F)
    moved, response = cv2.phaseCorrelate(first.astype(np.float32), second.astype(np.float32), window)
    return np.array(moved if response > 0.03 else (0, 0), np.float32)


def _points(grey: Grey) -> Points:
    corners = cv2.goodFeaturesToTrack(grey, POINTS, 0.02, 5)
    return corners.reshape(-1, 2) if corners is not None else np.zeros((0, 2), np.float32)


def _there_and_back(first: Grey, second: Grey, start: Points, shift: Points) -> tuple[Points, Points]:
    """Where points are found in the second picture, and where those are found in the first again."""
    there = _followed(first, second, start, start + shift)
    back = _followed(second, first, there, there - shift)
    return there, back


def _followed(first: Grey, second: Grey, start: Points, guess: Points) -> Points:
    """Where points of the first picture lie in the second, looked for around a guess."""
    there: Points = cv2.calcOpticalFlowPyrLK(
        first, second, start, guess.astype(np.float32),
        winSize=(PATCH_PX, PATCH_PX), maxLevel=2, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )[0]  # fmt: skip
    return there


def _likeness(first: Grey, second: Grey, start: Points, there: Points) -> NDArray[np.float32]:
    """Correlation of the surroundings of each pair of points, -1 to 1."""
    a, b = (_patches(picture, points) for picture, points in ((first, start), (second, there)))
    a, b = (each - each.mean(axis=1, keepdims=True) for each in (a, b))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) + 1e-6
    likeness: NDArray[np.float32] = (a * b).sum(axis=1) / norms
    return likeness


def _patches(picture: Grey, points: Points) -> NDArray[np.float32]:
    """n x pixels: a square around each point."""
    reach = np.arange(PATCH_PX, dtype=np.float32) - PATCH_PX // 2
    x = points[:, :1] + np.tile(reach, PATCH_PX)
    y = points[:, 1:] + np.repeat(reach, PATCH_PX)
    found: NDArray[np.float32] = cv2.remap(
        picture.astype(np.float32), x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    return found
