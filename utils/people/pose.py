"""Pose keypoints: where the subject's 33 joints are in every frame of a clip, with a confidence for each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANDMARKS = 33
NOSE, EYES, EARS, ELBOWS, WRISTS = 0, (2, 5), (7, 8), (13, 14), (15, 16)
SHOULDERS, HIPS, KNEES, ANKLES, HEELS, TOES = (11, 12), (23, 24), (25, 26), (27, 28), (29, 30), (31, 32)
"""MediaPipe's landmark numbers, left and right."""

Keypoints = NDArray[np.float32]
"""Joint positions, (...) x 33 x 2, px of the frame; NaN where missing."""


@dataclass(frozen=True)
class Poses:
    """The subject's joints in n frames: n x 33 x 2 px, n x 33 confidences (0 where missing).

    `measured` marks the frames in which the pose model ran and found the subject; others may have been interpolated.
    """

    keypoints: Keypoints
    confidence: NDArray[np.float32]
    measured: NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.keypoints)
        if self.keypoints.shape != (count, LANDMARKS, 2) or self.confidence.shape != (count, LANDMARKS):
            raise ValueError(f"{self.keypoints.shape} joints with {self.confidence.shape} confidences")
        if self.measured.shape != (count,):
            raise ValueError(f"{self.measured.shape} marks of {count} frames")

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Marks the frames in which at least one joint is known, measured or interpolated."""
        known: NDArray[np.bool_] = np.isfinite(self.keypoints[:, :, 0]).any(axis=1)
        return known

    def leg_px(self) -> NDArray[np.float32]:
        """Leg length in each frame, hip to knee to ankle, of the longer of the two legs; NaN where unknown."""
        hip, knee, ankle = (self.keypoints[:, pair] for pair in (HIPS, KNEES, ANKLES))
        legs = np.linalg.norm(hip - knee, axis=-1) + np.linalg.norm(knee - ankle, axis=-1)
        longest: NDArray[np.float32] = np.fmax(legs[:, 0], legs[:, 1])
        return longest
