"""MediaPipe's pose model: detects one person in a picture, with joints and mask, and the crops that steer it.

The models bundled with the package are used, so nothing is downloaded. MediaPipe is imported at the first detection.
The model detects people who are large in what it is shown, and one at a time; the functions at the end choose the crop.
"""

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.image import RGB, Box, Size
from utils.people.pose import ANKLES, HEELS, LANDMARKS, TOES, Keypoints

LONGEST_PX = 1280
"""Larger pictures are scaled down to this: the model itself sees a person at 256 x 256."""
LEAST_VISIBLE = 0.12
"""A joint whose visibility, as the model reports it, is lower than this is missing."""
FEWEST_JOINTS = 4
"""A detection with fewer joints than this is nobody."""
GROW_SHARE = 0.3
"""Margin around a box that stays visible in `isolated`, on each side, as a share of the box's longer side."""
LARGE_SHARE = 0.45
"""Size of a person in the view of `zoomed`, as a share of the picture, at which the model starts to follow them."""
LARGEST_ZOOM = 2.0
"""With more zoom than this the model loses the person when it is shown the whole picture afterwards."""
NOISE = re.compile(rb"^(WARNING: All log messages|INFO: Created TensorFlow|[WI]\d{4} )")
"""Lines that MediaPipe writes to stderr whatever its log settings are."""
_CONSOLE = threading.Lock()
"""Held while stderr is redirected."""


@dataclass(frozen=True)
class Body:
    """One detected person: 33 joints (x, y px, NaN missing), 33 confidences (0 missing), soft mask H x W."""

    keypoints: Keypoints
    confidence: NDArray[np.float32]
    mask: NDArray[np.uint8]

    @property
    def box(self) -> Box:
        """The bounding box of the joints."""
        (left, top), (right, bottom) = np.nanmin(self.keypoints, axis=0), np.nanmax(self.keypoints, axis=0)
        return Box(int(left), int(top), int(right) + 1, int(bottom) + 1)


def models() -> dict[str, str]:
    """Name and version of what detections depend on, for cache keys; the model files come with the package."""
    return {"mediapipe": version("mediapipe")}


class PoseModel:
    """Tracks one person from picture to picture, or, with `alone`, detects in each picture independently."""

    def __init__(self, *, alone: bool = False) -> None:
        self._alone = alone
        self._pose: Any = None
        self._settled = False

    def detect(self, rgb: RGB) -> Body | None:
        """The person in a picture, or None."""
        height, width = rgb.shape[:2]
        with nullcontext() if self._settled else quiet_start():
            found = self._loaded().process(_scaled_down(rgb))
        if found.pose_landmarks is None or found.segmentation_mask is None:
            return None
        self._settled = True
        mask = cv2.convertScaleAbs(found.segmentation_mask, alpha=255)
        if mask.shape != (height, width):
            mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
        return _body(found.pose_landmarks.landmark, mask)

    def forget(self) -> None:
        """Drop the tracked person, so that the next picture is searched anew.

        A black picture makes MediaPipe let go; that is faster than its own reset.
        """
        if self._pose is not None and not self._alone:
            self._pose.process(np.zeros((64, 64, 3), np.uint8))

    def close(self) -> None:
        """Free the model."""
        if self._pose is not None:
            self._pose.close()
            self._pose = None

    def _loaded(self) -> Any:
        """The MediaPipe model, loaded at first use."""
        if self._pose is None:
            from utils.people.quick_mediapipe import Pose

            self._pose = Pose(
                static_image_mode=self._alone,
                model_complexity=1,
                enable_segmentation=True,
                smooth_segmentation=False,
                smooth_landmarks=False,
            )
        return self._pose


def _scaled_down(rgb: RGB) -> RGB:
    """The picture as MediaPipe takes it: contiguous, and scaled down to LONGEST_PX."""
    size = Size.of(rgb)
    scale = LONGEST_PX / max(size)
    if scale < 1:
        rgb = cv2.resize(rgb, size.scaled(scale), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(rgb)


def _body(landmarks: Any, mask: NDArray[np.uint8]) -> Body | None:
    """The detection with joints in pixels; joints outside the picture or hidden are missing, too few joints are nobody.

    A foot that is mostly outside is missing as a whole, because the model invents the rest of it.
    """
    height, width = mask.shape
    rows = np.array(
        [(joint.x * width - 0.5, joint.y * height - 0.5, joint.visibility) for joint in landmarks], np.float32
    )
    points, confidence = rows[:, :2], np.clip(rows[:, 2], 0, 1)
    inside = ((points >= -0.5) & (points < (width - 0.5, height - 0.5))).all(axis=1)
    there = inside & (confidence >= LEAST_VISIBLE)
    for foot in zip(ANKLES, HEELS, TOES, strict=True):
        there[list(foot)] &= there[list(foot)].sum() >= 2
    if there.sum() < FEWEST_JOINTS:
        return None
    assert len(points) == LANDMARKS
    keypoints = np.where(there[:, None], points, np.nan).astype(np.float32)
    return Body(keypoints, np.where(there, confidence, 0).astype(np.float32), mask)


@contextmanager
def quiet_start() -> Iterator[None]:
    """Keep MediaPipe's start-up lines off stderr; other lines written meanwhile are printed afterwards."""
    with _CONSOLE, tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        console = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(console, 2)
            os.close(console)
            file.seek(0)
            for line in file:
                if not NOISE.match(line):
                    os.write(2, line)


def halves(rgb: RGB) -> Iterator[Box]:
    """Left, middle and right half of a wide picture, overlapping: a small person is larger in such a part."""
    height, width = rgb.shape[:2]
    if width > height:
        for quarter in range(3):
            yield Box(quarter * width // 4, 0, (quarter + 2) * width // 4, height)


def in_whole(body: Body, part: Box, rgb: RGB) -> Body:
    """A body detected in a part, in coordinates of the whole picture."""
    mask = np.zeros(rgb.shape[:2], np.uint8)
    mask[part.slices] = body.mask
    return Body(body.keypoints + np.array([part.left, part.top], np.float32), body.confidence, mask)


def isolated(rgb: RGB, box: Box) -> RGB:
    """The picture, black outside a box and a margin around it."""
    part = box.grown(round(GROW_SHARE * max(box.size)), Size.of(rgb)) & Box.of(rgb)
    view = np.zeros_like(rgb)
    view[part.slices] = rgb[part.slices]
    return view


def zoomed(rgb: RGB, box: Box) -> RGB:
    """A crop in which the person of a box is large, and as far along and down as in the whole picture.

    The model searches next where it found somebody last, so the relative position must stay the same.
    """
    height, width = rgb.shape[:2]
    zoom = min(LARGEST_ZOOM, max(1.0, LARGE_SHARE * max(width, height) / max(1, *box.size)))
    size = Size(max(1, round(width / zoom)), max(1, round(height / zoom)))
    left = round((box.left + box.right) / 2 * (1 - 1 / zoom))
    top = round((box.top + box.bottom) / 2 * (1 - 1 / zoom))
    return rgb[Box(left, top, left + size.width_px, top + size.height_px).slices]
