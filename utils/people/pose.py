"""Poses: where the subject's joints are in every frame of a clip, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANDMARKS = 33
NOSE, EYES, ELBOWS, WRISTS = 0, (2, 5), (13, 14), (15, 16)
SHOULDERS, HIPS, KNEES, ANKLES, HEELS, TOES = (11, 12), (23, 24), (25, 26), (27, 28), (29, 30), (31, 32)
"""MediaPipe's numbers, left and right."""

Keypoints = NDArray[np.float32]
"""... x 33 x 2, px of the frame; NaN where missing."""


@dataclass(frozen=True)
class Poses:
    """The subject in n frames: n x 33 x 2 px, n x 33 confidences (0 where missing).

    `measured` are the frames that were looked at and in which somebody was found; others may have been filled in.
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
        """The frames in which the subject stands, measured or filled in."""
        known: NDArray[np.bool_] = np.isfinite(self.keypoints[:, :, 0]).any(axis=1)
        return known

    def leg_px(self) -> NDArray[np.float32]:
        """The length of a leg, hip to knee to ankle, the longer of the two in each frame; NaN where unknown."""
        hip, knee, ankle = (self.keypoints[:, pair] for pair in (HIPS, KNEES, ANKLES))
        legs = np.linalg.norm(hip - knee, axis=-1) + np.linalg.norm(knee - ankle, axis=-1)
        longest: NDArray[np.float32] = np.fmax(legs[:, 0], legs[:, 1])
        return longest
