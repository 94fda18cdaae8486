"""MediaPipe's pose model behind one small door: a picture in, one person's joints and mask out.

The bundled models are used, so nothing is downloaded. MediaPipe is loaded on the first look.
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
"""Larger pictures are looked at in this size: the model itself sees 256 x 256 of a person."""
LEAST_VISIBLE = 0.12
"""A joint that the model itself takes for hidden to this degree is missing."""
FEWEST_JOINTS = 4
_CONSOLE = threading.Lock()
NOISE = re.compile(rb"^(WARNING: All log messages|INFO: Created TensorFlow|[WI]\d{4} )")
"""Lines that the library writes past every setting."""


@dataclass(frozen=True)
class Body:
    """One person in one picture: 33 x 2 px (NaN missing), 33 confidences (0 missing), soft mask H x W."""

    keypoints: Keypoints
    confidence: NDArray[np.float32]
    mask: NDArray[np.uint8]

    @property
    def box(self) -> Box:
        """Around the joints."""
        (left, top), (right, bottom) = np.nanmin(self.keypoints, axis=0), np.nanmax(self.keypoints, axis=0)
        return Box(int(left), int(top), int(right) + 1, int(bottom) + 1)


def models() -> dict[str, str]:
    """What the results depend on, name to version, for keys of caches; the models come with the package."""
    return {"mediapipe": version("mediapipe")}


class PoseModel:
    """Follows one person from picture to picture, or, `alone`, looks at each picture afresh."""

    def __init__(self, *, alone: bool = False) -> None:
        self._alone = alone
        self._pose: Any = None
        self._settled = False

    def look(self, rgb: RGB) -> Body | None:
        """The person in a picture, or None."""
        height, width = rgb.shape[:2]
        with nullcontext() if self._settled else _quiet():
            found = self._model().process(_fitting(rgb))
        if found.pose_landmarks is None or found.segmentation_mask is None:
            return None
        self._settled = True
        mask = cv2.convertScaleAbs(found.segmentation_mask, alpha=255)
        if mask.shape != (height, width):
            mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
        return _body(found.pose_landmarks.landmark, mask)

    def forget(self) -> None:
        """Look for a person anew in the next picture. A black one makes the library let go, faster than its reset."""
        if self._pose is not None and not self._alone:
            self._pose.process(np.zeros((64, 64, 3), np.uint8))

    def close(self) -> None:
        if self._pose is not None:
            self._pose.close()
            self._pose = None

    def _model(self) -> Any:
        if self._pose is None:
            from mediapipe.python.solutions.pose import Pose

            self._pose = Pose(
                static_image_mode=self._alone,
                model_complexity=1,
                enable_segmentation=True,
                smooth_segmentation=False,
                smooth_landmarks=False,
            )
        return self._pose


def _fitting(rgb: RGB) -> RGB:
    """The picture as the library takes it: contiguous and not needlessly large."""
    height, width = rgb.shape[:2]
    scale = LONGEST_PX / max(height, width)
    if scale < 1:
        size = Size(max(1, round(width * scale)), max(1, round(height * scale)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(rgb)


def _body(landmarks: Any, mask: NDArray[np.uint8]) -> Body | None:
    """Joints in pixels; what is outside the picture or hidden is missing, and a handful of joints is nobody.

    A foot mostly outside is missing as a whole: the model draws the rest of it in.
    """
    height, width = mask.shape
    rows = np.array([(each.x * width - 0.5, each.y * height - 0.5, each.visibility) for each in landmarks], np.float32)
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
def _quiet() -> Iterator[None]:
    """Keeps the library's start-up lines from the console; whatever else is written meanwhile comes out afterwards."""
    with _CONSOLE, tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            for line in file:
                if not NOISE.match(line):
                    os.write(2, line)
