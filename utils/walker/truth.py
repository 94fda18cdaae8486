"""What is known about a frame because it was drawn, not measured."""

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
    """One frame. Pixels are counted from the centre of the first one, as in OpenCV."""

    index: int
    time_s: float
    phase: str
    """approach, hold or exit."""
    view: View
    """The camera, source -> stable."""
    gain: float
    """What the exposure multiplied the picture by."""
    keypoints: Floats
    """33 x 2 px in MediaPipe's order; NaN outside the picture."""
    visible: Flags
    """33: in the picture, and nothing in front of it."""
    heel_down: Flags
    """Left and right: the heel stands on the ground and does not move."""
    toe_down: Flags
    """Left and right: likewise the toes."""
    matte: Bytes
    """h x w, 0..255: the walker."""
    others: Bytes
    """h x w, 0..255: the second person."""
    shadow: Bytes
    """h x w, 0..255: how dark the ground is made."""
    plate: Bytes
    """h x w x 3: the place without people in this frame, before gain and noise."""

    def __post_init__(self) -> None:
        assert self.phase in PHASES and self.keypoints.shape == (LANDMARKS, 2) and self.visible.shape == (LANDMARKS,)
        assert self.matte.shape == self.others.shape == self.shadow.shape == self.plate.shape[:2]
        assert self.heel_down.shape == self.toe_down.shape == (2,)


@dataclass(frozen=True)
class TrueFlow:
    """Where each pixel of one frame lies in another: h x w x 2 px to add, and h x w where it can be seen there."""

    source: int
    target: int
    vectors: Floats
    valid: Flags

    def __post_init__(self) -> None:
        assert self.vectors.shape == (*self.valid.shape, 2)
