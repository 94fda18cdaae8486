"""Ground truth of a rendered frame."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from utils.walker.handheld import View
from utils.walker.kernel import Bytes, Floats
from utils.walker.skeleton import LANDMARKS

PHASES = ("approach", "hold", "exit")

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Truth:
    """Ground truth of one frame. Pixel coordinates count from the centre of the first pixel, as in OpenCV."""

    index: int
    time_s: float
    phase: str
    """Phase: approach, hold or exit."""
    view: View
    """Camera matrices, source -> stable."""
    gain: float
    """Exposure gain of the picture."""
    keypoints: Floats
    """Landmark positions, 33 x 2 px in MediaPipe's order; NaN outside the picture."""
    visible: Flags
    """Which of the 33 landmarks are inside the picture and not hidden."""
    heel_down: Flags
    """Whether the left and the right heel stand on the ground without moving."""
    toe_down: Flags
    """Whether the left and the right toes stand on the ground without moving."""
    matte: Bytes
    """Soft matte of the walker, h x w, 0..255."""
    others: Bytes
    """Soft matte of the second person, h x w, 0..255."""
    shadow: Bytes
    """Strength of the shadows on the ground, h x w, 0..255."""
    plate: Bytes
    """The background without people in this frame, h x w x 3, before gain and noise."""

    def __post_init__(self) -> None:
        assert self.phase in PHASES and self.keypoints.shape == (LANDMARKS, 2) and self.visible.shape == (LANDMARKS,)
        assert self.matte.shape == self.others.shape == self.shadow.shape == self.plate.shape[:2]
        assert self.heel_down.shape == self.toe_down.shape == (2,)


@dataclass(frozen=True)
class TrueFlow:
    """Exact optical flow: displacements (h x w x 2 px), and where the surface is visible in the target (h x w)."""

    source: int
    target: int
    vectors: Floats
    valid: Flags

    def __post_init__(self) -> None:
        assert self.vectors.shape == (*self.valid.shape, 2)
